"""How far each domain controller's changes were read, and by whom."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.directory.entries import Readership, SyncPosition
from handfast.storage.schema import directory_positions
from handfast.storage.statements import Transaction

_c = directory_positions.c
_READER = ""
"""The invocation id of the row that is no controller's: its scope is who reads, its USN the term, its instant the end."""
_OF_CONTROLLERS = _c.invocation_id != _READER
_LIST = select(_c.invocation_id, _c.highest_usn).where(_c.scope == bindparam("scope"), _OF_CONTROLLERS)
_NEWEST = select(func.max(_c.read_at, type_=_c.read_at.type)).where(_OF_CONTROLLERS)
_READERSHIP = select(_c.scope, _c.highest_usn, _c.read_at).where(_c.invocation_id == _READER)
_SAVE = (
    insert(directory_positions)
    .values({name: bindparam(name) for name in ("invocation_id", "scope", "highest_usn", "read_at")})
    .on_conflict_do_update(
        index_elements=["invocation_id"],
        set_={name: bindparam(name) for name in ("scope", "highest_usn", "read_at")},
    )
)
# What was read while the clock was ahead can't have been read later than now.
_NOT_AHEAD = (
    update(directory_positions)
    .where(_c.read_at > bindparam("now"), _OF_CONTROLLERS)
    .values(read_at=bindparam("now"))
)
_FORGET_OTHERS = delete(directory_positions).where(_c.scope != bindparam("scope"), _OF_CONTROLLERS)


class SqlPositions:
    """Fits `identity.ports.PositionRepository`: a row a domain controller, and one of who reads them."""

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

    def readership(self) -> Readership | None:
        row = self._t.first(_READERSHIP)
        return None if row is None else Readership(*row)

    def save_readership(self, readership: Readership) -> None:
        self._t.run(
            _SAVE,
            invocation_id=_READER,
            scope=readership.reader,
            highest_usn=readership.term,
            read_at=readership.ends_at,
        )
