"""Accounts, found by every form of name through folded key columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.names import fold
from handfast.identity.ports import Conflict
from handfast.identity.records import Account, AccountId, AccountState
from handfast.storage.schema import accounts
from handfast.storage.statements import Row, Transaction

_c = accounts.c
_ACCOUNT = select(
    _c.id, _c.user_name, _c.domain, _c.upn, _c.state, _c.created_at, _c.display_name, _c.sid, _c.pin_verifier
)
_BY_ID = _ACCOUNT.where(_c.id == bindparam("id"))
_BY_UPN = _ACCOUNT.where(_c.folded_upn == bindparam("upn"))
_BY_DOMAIN_USER = _ACCOUNT.where(_c.folded_domain == bindparam("domain"), _c.folded_user == bindparam("user"))
_BY_USER = _ACCOUNT.where(_c.folded_user == bindparam("user")).order_by(_c.id).limit(2)
_ALL = _ACCOUNT.order_by(_c.id)
# One construct serves both: SQLite compiles PostgreSQL's ON CONFLICT as it stands.
_ADD = (
    insert(accounts)
    .values(
        user_name=bindparam("user_name"),
        domain=bindparam("domain"),
        upn=bindparam("upn"),
        state=bindparam("state"),
        created_at=bindparam("created_at"),
        display_name=bindparam("display_name"),
        folded_user=bindparam("folded_user"),
        folded_domain=bindparam("folded_domain"),
        folded_upn=bindparam("folded_upn"),
    )
    .on_conflict_do_nothing()
    .returning(_c.id)
)
_SET_STATE = update(accounts).where(_c.id == bindparam("key")).values(state=bindparam("new"))
_SET_PIN = update(accounts).where(_c.id == bindparam("key")).values(pin_verifier=bindparam("new"))
_REMOVE = delete(accounts).where(_c.id == bindparam("id"))


def _account(row: Row) -> Account:
    key, user, domain, upn, state, created_at, display_name, sid, pin_verifier = row
    return Account(key, user, domain, upn, AccountState(state), created_at, display_name, sid, pin_verifier)


class SqlAccounts:
    """Fits `identity.ports.AccountRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def add(self, *, user: str, domain: str, upn: str, display_name: str, now: datetime) -> Account:
        """Raises: Conflict."""
        row = self._t.first(
            _ADD,
            user_name=user,
            domain=domain,
            upn=upn,
            state=AccountState.ENABLED,
            created_at=now,
            display_name=display_name,
            folded_user=fold(user),
            folded_domain=fold(domain),
            folded_upn=fold(upn) if upn else None,
        )
        if row is None:
            raise Conflict("another account has that user name or UPN")
        return Account(AccountId(row[0]), user, domain, upn, AccountState.ENABLED, now, display_name)

    def find(self, account_id: AccountId) -> Account | None:
        return self._one(self._t.first(_BY_ID, id=account_id))

    def find_by_upn(self, upn: str) -> Account | None:
        return self._one(self._t.first(_BY_UPN, upn=fold(upn)))

    def find_by_domain_user(self, domain: str, user: str) -> Account | None:
        return self._one(self._t.first(_BY_DOMAIN_USER, domain=fold(domain), user=fold(user)))

    def find_by_user(self, user: str) -> Sequence[Account]:
        """At most two: one is an answer, two are an ambiguity."""
        return [_account(row) for row in self._t.all(_BY_USER, user=fold(user))]

    def list(self) -> Sequence[Account]:
        return [_account(row) for row in self._t.all(_ALL)]

    def set_state(self, account_id: AccountId, state: AccountState) -> None:
        """Raises: KeyError."""
        if not self._t.run(_SET_STATE, key=account_id, new=state):
            raise KeyError(account_id)

    def set_pin_verifier(self, account_id: AccountId, verifier: str | None) -> None:
        """Raises: KeyError."""
        if not self._t.run(_SET_PIN, key=account_id, new=verifier):
            raise KeyError(account_id)

    def remove(self, account_id: AccountId) -> None:
        """The schema's cascades remove what hangs on it."""
        self._t.run(_REMOVE, id=account_id)

    @staticmethod
    def _one(row: Row | None) -> Account | None:
        return None if row is None else _account(row)
