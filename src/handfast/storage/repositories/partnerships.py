"""Partnerships: one probe of the primary key decides about a device, with a thousand of them or a million."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.ports import Conflict
from handfast.identity.records import AccountId, Partnership, PartnershipState, WipeKind
from handfast.storage.schema import partnerships
from handfast.storage.statements import Row, Transaction

_c = partnerships.c
_COLUMNS = (
    "account_id",
    "device_id",
    "state",
    "device_type",
    "user_agent",
    "first_seen_at",
    "last_seen_at",
    "last_source",
    "model",
    "os",
    "friendly_name",
    "state_reason",
    "reported_model",
    "imei",
    "os_language",
    "phone_number",
    "reported_user_agent",
    "mobile_operator",
    "wipe_kind",
    "wipe_requested_at",
    "wipe_requested_by",
    "wipe_sent_at",
    "wipe_acknowledged_at",
    "wipe_status",
)
_KEY = ("account_id", "device_id")
_WIPE_KIND = _COLUMNS.index("wipe_kind") - 3
"""Its place after account, device id and state."""
_PARTNERSHIP = select(*(_c[name] for name in _COLUMNS))
_BY_KEY = _PARTNERSHIP.where(_c.account_id == bindparam("account_id"), _c.device_id == bindparam("device_id"))
_OF_ACCOUNT = _PARTNERSHIP.where(_c.account_id == bindparam("account_id")).order_by(_c.device_id)
_OF_DEVICE = _PARTNERSHIP.where(_c.device_id == bindparam("device_id")).order_by(_c.account_id)
_PAGE = (
    _PARTNERSHIP.where(
        tuple_(_c.account_id, _c.device_id) > tuple_(bindparam("account_id"), bindparam("device_id"))
    )
    .order_by(_c.account_id, _c.device_id)
    .limit(bindparam("page"))
)
_STATES = select(_c.state, func.count()).where(_c.account_id == bindparam("account_id")).group_by(_c.state)
_INSERT = insert(partnerships).values({name: bindparam(name) for name in _COLUMNS})
_ADD = _INSERT.on_conflict_do_nothing()
_SAVE = _INSERT.on_conflict_do_update(
    index_elements=list(_KEY), set_={name: bindparam(name) for name in _COLUMNS if name not in _KEY}
)
_REMOVE = delete(partnerships).where(
    _c.account_id == bindparam("account_id"), _c.device_id == bindparam("device_id")
)


def _partnership(row: Row) -> Partnership:
    account_id, device_id, state, *rest = row
    rest[_WIPE_KIND] = WipeKind(rest[_WIPE_KIND])
    return Partnership(account_id, device_id, PartnershipState(state), *rest)


class SqlPartnerships:
    """Fits `identity.ports.PartnershipRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def find(self, account_id: AccountId, device_id: str) -> Partnership | None:
        row = self._t.first(_BY_KEY, account_id=account_id, device_id=device_id)
        return None if row is None else _partnership(row)

    def list_of_account(self, account_id: AccountId) -> Sequence[Partnership]:
        return [_partnership(row) for row in self._t.all(_OF_ACCOUNT, account_id=account_id)]

    def list_of_device(self, device_id: str) -> Sequence[Partnership]:
        return [_partnership(row) for row in self._t.all(_OF_DEVICE, device_id=device_id)]

    def list(self, *, limit: int, after: tuple[AccountId, str] | None = None) -> Sequence[Partnership]:
        """A page, by account and device id."""
        account_id, device_id = after if after is not None else (-1, "")
        rows = self._t.all(_PAGE, account_id=account_id, device_id=device_id, page=limit)
        return [_partnership(row) for row in rows]

    def count(self, account_id: AccountId, states: frozenset[str]) -> int:
        return sum(n for state, n in self._t.all(_STATES, account_id=account_id) if state in states)

    def add(self, partnership: Partnership) -> None:
        """Raises: Conflict, LookupError (no such account)."""
        if not self._t.run(_ADD, **_values(partnership)):
            raise Conflict("the account has that device already")

    def save(self, partnership: Partnership) -> None:
        """Raises: LookupError (no such account)."""
        self._t.run(_SAVE, **_values(partnership))

    def remove(self, account_id: AccountId, device_id: str) -> bool:
        return self._t.run(_REMOVE, account_id=account_id, device_id=device_id) == 1


def _values(partnership: Partnership) -> dict[str, object]:
    return {name: getattr(partnership, name) for name in _COLUMNS}
