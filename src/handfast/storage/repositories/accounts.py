"""Accounts, found by every form of name through folded key columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.names import fold
from handfast.identity.ports import EVERY_ACCOUNT, Conflict
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts, NewAccount
from handfast.storage.repositories.account_groups import SqlAccountGroups
from handfast.storage.repositories.account_groups_in_use import SqlGroupsInUse
from handfast.storage.repositories.account_rows import (
    ACCOUNT,
    FACT_COLUMNS,
    NAME_COLUMNS,
    account_of,
    fact_values,
    folded_mail,
    name_values,
    new_values,
)
from handfast.storage.repositories.listed import listed, with_lists
from handfast.storage.schema import accounts
from handfast.storage.statements import Row, Statement

_c = accounts.c
_PRESENT_FIRST = (_c.is_present.is_(False), _c.id)
_BY_ID = ACCOUNT.where(_c.id == bindparam("id"))
_BY_SID = ACCOUNT.where(_c.sid == bindparam("sid"))
_BY_SIDS = with_lists(lambda is_listed: ACCOUNT.where(is_listed(_c.sid, "sids")))
_BY_USERS = with_lists(lambda is_listed: ACCOUNT.where(is_listed(_c.folded_user, "users")))
_BY_UPNS = with_lists(lambda is_listed: ACCOUNT.where(is_listed(_c.folded_upn, "upns")))
_BY_UPN = ACCOUNT.where(_c.folded_upn == bindparam("upn"))
_BY_DOMAIN_USER = ACCOUNT.where(_c.folded_domain == bindparam("domain"), _c.folded_user == bindparam("user"))
_BY_USER = ACCOUNT.where(_c.folded_user == bindparam("user")).order_by(*_PRESENT_FIRST).limit(2)
_BY_MAIL = ACCOUNT.where(_c.folded_mail == bindparam("mail")).order_by(*_PRESENT_FIRST).limit(2)
_PAGE = ACCOUNT.where(_c.id > bindparam("after")).order_by(_c.id).limit(bindparam("page"))
_COUNT = select(func.count()).select_from(accounts)
_MIRRORED = select(_c.sid, _c.id).where(_c.is_present.is_(True))
_UNNAMED = ACCOUNT.where(_c.folded_user.is_(None), _c.is_present.is_(True))
_WITHOUT_UPN = ACCOUNT.where(_c.folded_upn.is_(None), _c.folded_user.is_not(None), _c.sid.is_not(None))
_ENDED = ACCOUNT.where(
    _c.is_present.is_(True),
    or_(
        *(
            and_(column > bindparam("after"), column <= bindparam("until"))
            for column in (_c.expires_at, _c.password_expires_at)
        )
    ),
)
_NEW_COLUMNS = (*NAME_COLUMNS, "state", "created_at", "sid", "folded_mail", *FACT_COLUMNS)
# One construct serves both: SQLite compiles PostgreSQL's ON CONFLICT as it stands.
_ADD_QUIETLY = (
    insert(accounts).values({name: bindparam(name) for name in _NEW_COLUMNS}).on_conflict_do_nothing()
)
_ADD = _ADD_QUIETLY.returning(_c.id)
_RENAME = (
    update(accounts)
    .where(_c.id == bindparam("key"))
    .values({name: bindparam(name) for name in (*NAME_COLUMNS, "folded_mail")})
)
_SET_DIRECTORY = (
    update(accounts)
    .where(_c.id == bindparam("key"))
    .values({name: bindparam(name) for name in ("sid", "folded_mail", *FACT_COLUMNS)})
)
_SET_STATE = update(accounts).where(_c.id == bindparam("key")).values(state=bindparam("new"))
_SET_PIN = update(accounts).where(_c.id == bindparam("key")).values(pin_verifier=bindparam("new"))
_REMOVE = delete(accounts).where(_c.id == bindparam("id"))


class SqlAccounts(SqlAccountGroups, SqlGroupsInUse):
    """Fits `identity.ports.AccountRepository`."""

    def add(
        self,
        *,
        user: str,
        domain: str,
        upn: str,
        display_name: str,
        now: datetime,
        sid: str | None = None,
        directory: DirectoryFacts | None = None,
        is_named: bool = True,
    ) -> Account:
        """Raises: Conflict, ValueError (what the schema refuses)."""
        names = name_values(user=user, domain=domain, upn=upn, display_name=display_name, is_named=is_named)
        row = self._t.first(
            _ADD,
            **names,
            state=AccountState.ENABLED,
            created_at=now,
            sid=sid,
            folded_mail=folded_mail(directory.mail if directory else "", is_named=is_named),
            **fact_values(directory),
        )
        if row is None:
            raise Conflict("another account has that user name, UPN or SID")
        return Account(
            AccountId(row[0]),
            user,
            domain,
            upn,
            AccountState.ENABLED,
            now,
            display_name,
            sid,
            directory=directory,
            is_named=is_named,
        )

    def add_all(self, new: Sequence[NewAccount], *, now: datetime) -> None:
        """Raises: Conflict, ValueError (what the schema refuses)."""
        if new and self._t.run_many(_ADD_QUIETLY, [new_values(one, now) for one in new]) < len(new):
            raise Conflict("another account has a user name, UPN or SID of these")

    def find(self, account_id: AccountId) -> Account | None:
        return self._one(self._t.first(_BY_ID, id=account_id))

    def find_by_sid(self, sid: str) -> Account | None:
        return self._one(self._t.first(_BY_SID, sid=sid))

    def find_by_sids(self, sids: Iterable[str]) -> Sequence[Account]:
        return self._listed(_BY_SIDS, sids=sids)

    def find_by_names(self, users: Iterable[str], upns: Iterable[str]) -> Sequence[Account]:
        """Two statements: of a union of conditions SQLite would read the whole table."""
        by_user = self._listed(_BY_USERS, users=map(fold, users))
        by_upn = self._listed(_BY_UPNS, upns=map(fold, upns))
        return list({account.id: account for account in (*by_user, *by_upn)}.values())

    def find_by_upn(self, upn: str) -> Account | None:
        return self._one(self._t.first(_BY_UPN, upn=fold(upn)))

    def find_by_domain_user(self, domain: str, user: str) -> Account | None:
        return self._one(self._t.first(_BY_DOMAIN_USER, domain=fold(domain), user=fold(user)))

    def find_by_user(self, user: str) -> Sequence[Account]:
        """At most two: one is an answer, two are an ambiguity."""
        return [account_of(row) for row in self._t.all(_BY_USER, user=fold(user))]

    def find_by_mail(self, mail: str) -> Sequence[Account]:
        """At most two, as `find_by_user`."""
        return [account_of(row) for row in self._t.all(_BY_MAIL, mail=fold(mail))]

    def list(self, *, limit: int = EVERY_ACCOUNT, after: AccountId | None = None) -> Sequence[Account]:
        return [account_of(row) for row in self._t.all(_PAGE, after=after or 0, page=limit)]

    def count(self) -> int:
        """Of every account, mirrored ones that are gone among them."""
        row = self._t.first(_COUNT)
        return row[0] if row else 0

    def list_mirrored(self) -> Sequence[tuple[str, AccountId]]:
        return [(sid, key) for sid, key in self._t.all(_MIRRORED)]

    def list_unnamed(self) -> Sequence[Account]:
        return [account_of(row) for row in self._t.all(_UNNAMED)]

    def list_without_upn(self) -> Sequence[Account]:
        return [account_of(row) for row in self._t.all(_WITHOUT_UPN)]

    def list_ended(self, *, after: datetime, until: datetime) -> Sequence[Account]:
        return [account_of(row) for row in self._t.all(_ENDED, after=after, until=until)]

    def rename(
        self,
        account_id: AccountId,
        *,
        user: str,
        domain: str,
        upn: str,
        display_name: str,
        is_named: bool = True,
        contested_upn: str = "",
        is_upn_made_up: bool = False,
    ) -> None:
        """Raises: Conflict, KeyError, ValueError (a local account must have names)."""
        known = self._get(account_id)
        mail = known.directory.mail if known.directory else ""
        names = name_values(
            user=user,
            domain=domain,
            upn=upn,
            display_name=display_name,
            is_named=is_named,
            contested_upn=contested_upn,
            is_upn_made_up=is_upn_made_up,
        )
        self._t.run(_RENAME, key=account_id, **names, folded_mail=folded_mail(mail, is_named=is_named))

    def set_directory(self, account_id: AccountId, sid: str, facts: DirectoryFacts) -> None:
        """Raises: Conflict, KeyError."""
        mail = folded_mail(facts.mail, is_named=self._get(account_id).is_named)
        self._t.run(_SET_DIRECTORY, key=account_id, sid=sid, folded_mail=mail, **fact_values(facts))

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

    def _listed(self, statements: dict[str, Statement], **values: Iterable[str]) -> Sequence[Account]:
        lists = {name: listed(self._t, some) for name, some in values.items()}
        return [account_of(row) for row in self._t.all(statements[self._t.dialect_name], **lists)]

    def _get(self, account_id: AccountId) -> Account:
        account = self.find(account_id)
        if account is None:
            raise KeyError(account_id)
        return account

    @staticmethod
    def _one(row: Row | None) -> Account | None:
        return None if row is None else account_of(row)
