"""App passwords by verifier: one probe of a unique index, however many an account has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.channels import Channel
from handfast.identity.ports import Conflict
from handfast.identity.records import AccountId, AppPassword, AppPasswordId
from handfast.storage.schema import app_password_nt_hashes, app_passwords
from handfast.storage.statements import Row, Transaction

MAX_NT_HASHES = 16
"""NTLM candidates an account: every sign-in evaluates all of them."""

_c = app_passwords.c
_PASSWORD = select(
    _c.id,
    _c.account_id,
    _c.label,
    _c.channels,
    _c.created_at,
    _c.use_by,
    _c.expires_at,
    _c.reserved_device_id,
    _c.bound_device_id,
    _c.first_used_at,
    _c.last_used_at,
    _c.revoked_at,
    _c.ntlm_allowed,
)
_BY_ID = _PASSWORD.where(_c.id == bindparam("id"))
_BY_VERIFIER = _PASSWORD.where(_c.verifier == bindparam("verifier"))
_OF_ACCOUNT = _PASSWORD.where(_c.account_id == bindparam("account_id")).order_by(_c.id)
_NEW_COLUMNS = (
    "account_id",
    "label",
    "channels",
    "verifier",
    "verifier_key_id",
    "created_at",
    "use_by",
    "expires_at",
    "reserved_device_id",
    "ntlm_allowed",
)
_ADD = (
    insert(app_passwords)
    .values({name: bindparam(name) for name in _NEW_COLUMNS})
    .on_conflict_do_nothing()
    .returning(_c.id)
)
_h = app_password_nt_hashes.c
_ADD_HASH = (
    insert(app_password_nt_hashes)
    .values({name: bindparam(name) for name in ("app_password_id", "slot", "key_id", "sealed")})
    .on_conflict_do_update(
        index_elements=["app_password_id", "slot"],
        set_={"key_id": bindparam("key_id"), "sealed": bindparam("sealed")},
    )
)
_HASHES = (
    select(_h.app_password_id, _h.slot, _h.key_id, _h.sealed)
    .join(app_passwords, _c.id == _h.app_password_id)
    .where(
        _c.account_id == bindparam("account_id"),
        _c.ntlm_allowed,
        _c.revoked_at.is_(None),
        or_(_c.expires_at.is_(None), _c.expires_at > bindparam("now")),
        or_(_c.first_used_at.is_not(None), _c.use_by > bindparam("now")),
    )
    .order_by(_h.app_password_id, _h.slot)
    .limit(MAX_NT_HASHES)
)
_BIND = (
    update(app_passwords)
    .where(
        _c.id == bindparam("key"),
        _c.bound_device_id.is_(None),
        _c.revoked_at.is_(None),
        or_(_c.reserved_device_id.is_(None), _c.reserved_device_id == bindparam("device_id")),
    )
    .values(
        bound_device_id=bindparam("device_id"),
        first_used_at=func.coalesce(_c.first_used_at, bindparam("now", type_=_c.first_used_at.type)),
        last_used_at=bindparam("now"),
    )
)
_TOUCH = (
    update(app_passwords)
    .where(_c.id == bindparam("key"))
    .values(
        first_used_at=func.coalesce(_c.first_used_at, bindparam("now", type_=_c.first_used_at.type)),
        last_used_at=bindparam("now"),
    )
)
_REVOKE = (
    update(app_passwords)
    .where(and_(_c.id == bindparam("key"), _c.revoked_at.is_(None)))
    .values(revoked_at=bindparam("now"))
)


def _password(row: Row) -> AppPassword:
    key, account_id, label, channels, *rest = row
    return AppPassword(key, account_id, label, frozenset(map(Channel, channels.split(" "))), *rest)


class SqlAppPasswords:
    """Fits `identity.ports.AppPasswordRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def add(
        self,
        *,
        account_id: AccountId,
        label: str,
        channels: frozenset[str],
        verifier: bytes,
        verifier_key_id: str,
        use_by: datetime,
        expires_at: datetime | None,
        reserved_device_id: str | None,
        ntlm_allowed: bool,
        now: datetime,
    ) -> AppPassword:
        """Raises: Conflict (the verifier is taken), ValueError (a channel unknown, or none), LookupError (no account)."""
        opened = frozenset(map(Channel, channels))
        row = self._t.first(
            _ADD,
            account_id=account_id,
            label=label,
            channels=" ".join(sorted(opened)),
            verifier=verifier,
            verifier_key_id=verifier_key_id,
            created_at=now,
            use_by=use_by,
            expires_at=expires_at,
            reserved_device_id=reserved_device_id,
            ntlm_allowed=ntlm_allowed,
        )
        if row is None:
            raise Conflict("the verifier is taken")
        return AppPassword(
            AppPasswordId(row[0]),
            account_id,
            label,
            opened,
            now,
            use_by,
            expires_at,
            reserved_device_id,
            ntlm_allowed=ntlm_allowed,
        )

    def add_nt_hash(self, app_password_id: AppPasswordId, *, slot: int, key_id: str, sealed: bytes) -> None:
        """Replaces what the slot held (a key was rotated)."""
        self._t.run(_ADD_HASH, app_password_id=app_password_id, slot=slot, key_id=key_id, sealed=sealed)

    def find(self, app_password_id: AppPasswordId) -> AppPassword | None:
        row = self._t.first(_BY_ID, id=app_password_id)
        return None if row is None else _password(row)

    def find_by_verifier(self, verifier: bytes) -> AppPassword | None:
        row = self._t.first(_BY_VERIFIER, verifier=verifier)
        return None if row is None else _password(row)

    def list_of_account(self, account_id: AccountId) -> Sequence[AppPassword]:
        return [_password(row) for row in self._t.all(_OF_ACCOUNT, account_id=account_id)]

    def nt_hashes_of_account(
        self, account_id: AccountId, now: datetime
    ) -> Sequence[tuple[AppPasswordId, int, str, bytes]]:
        """At most 16 rows, oldest password first."""
        rows = self._t.all(_HASHES, account_id=account_id, now=now)
        return [(AppPasswordId(key), slot, key_id, sealed) for key, slot, key_id, sealed in rows]

    def bind(self, app_password_id: AppPasswordId, device_id: str, now: datetime) -> bool:
        """Also False where the password is revoked or reserved for another device."""
        return self._t.run(_BIND, key=app_password_id, device_id=device_id, now=now) == 1

    def touch(self, app_password_id: AppPasswordId, now: datetime) -> None:
        """Raises: KeyError."""
        if not self._t.run(_TOUCH, key=app_password_id, now=now):
            raise KeyError(app_password_id)

    def revoke(self, app_password_id: AppPasswordId, now: datetime) -> bool:
        return self._t.run(_REVOKE, key=app_password_id, now=now) == 1
