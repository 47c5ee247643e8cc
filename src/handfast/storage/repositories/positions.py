"""How far each domain controller's changes were read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.directory.entries import SyncPosition
from handfast.storage.schema import directory_positions
from handfast.storage.statements import Transaction

_c = directory_positions.c
_LIST = select(_c.invocation_id, _c.highest_usn).where(_c.scope == bindparam("scope"))
_NEWEST = select(func.max(_c.read_at, type_=_c.read_at.type))
_SAVE = (
    insert(directory_positions)
    .values({name: bindparam(name) for name in ("invocation_id", "scope", "highest_usn", "read_at")})
    .on_conflict_do_update(
        index_elements=["invocation_id"],
        set_={name: bindparam(name) for name in ("scope", "highest_usn", "read_at")},
    )
)
# What was read while the clock was ahead can't have been read later than now.
_NOT_AHEAD = update(directory_positions).where(_c.read_at > bindparam("now")).values(read_at=bindparam("now"))
_FORGET_OTHERS = delete(directory_positions).where(_c.scope != bindparam("scope"))


class SqlPositions:
    """Fits `identity.ports.PositionRepository`: a row a domain controller."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def list(self, scope: str) -> dict[str, int]:
        return dict(self._t.all(_LIST, scope=scope))

    def save(self, position: SyncPosition, *, scope: str, read_at: datetime) -> None:
        """Raises: ValueError (a USN below zero)."""
        self._t.run(_FORGET_OTHERS, scope=scope)
        self._t.run(_NOT_AHEAD, now=read_at)
        self._t.run(
            _SAVE,
            invocation_id=position.invocation_id,
            scope=scope,
            highest_usn=position.highest_usn,
            read_at=read_at,
        )

    def newest_read_at(self) -> datetime | None:
        row = self._t.first(_NEWEST)
        assert row is not None
        newest: datetime | None = row[0]
        return newest
