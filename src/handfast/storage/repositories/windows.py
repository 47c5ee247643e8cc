"""Enrolment windows, one an account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.records import AccountId, EnrolmentWindow
from handfast.storage.schema import enrolment_windows
from handfast.storage.statements import Transaction

_c = enrolment_windows.c
_COLUMNS = ("account_id", "opened_at", "closes_at", "opened_by", "used_by_device_id")
_FIND = select(*(_c[name] for name in _COLUMNS)).where(_c.account_id == bindparam("account_id"))
_SAVE = (
    insert(enrolment_windows)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_update(
        index_elements=["account_id"],
        set_={name: bindparam(name) for name in _COLUMNS if name != "account_id"},
    )
)
_USE = (
    update(enrolment_windows)
    .where(
        _c.account_id == bindparam("key"),
        _c.used_by_device_id.is_(None),
        _c.opened_at <= bindparam("now"),
        _c.closes_at > bindparam("now"),
    )
    .values(used_by_device_id=bindparam("device_id"))
)


class SqlWindows:
    """Fits `identity.ports.WindowRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def find(self, account_id: AccountId) -> EnrolmentWindow | None:
        row = self._t.first(_FIND, account_id=account_id)
        return None if row is None else EnrolmentWindow(*row)

    def save(self, window: EnrolmentWindow) -> None:
        """Replaces the account's window, open or not."""
        self._t.run(_SAVE, **{name: getattr(window, name) for name in _COLUMNS})

    def use(self, account_id: AccountId, device_id: str, now: datetime) -> bool:
        return self._t.run(_USE, key=account_id, device_id=device_id, now=now) == 1
