"""Gateway nodes: the certificates they showed, and the names that were revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.records import NodeRecord
from handfast.storage.schema import nodes
from handfast.storage.statements import Transaction

_c = nodes.c
_NODE = (_c.name, _c.serial, _c.first_seen_at, _c.last_seen_at, _c.revoked_at)
_NEVER_SHOWN = ""
"""The serial of a row that only says: this name was revoked."""

_SEEN = (
    insert(nodes)
    .values(
        name=bindparam("name"),
        serial=bindparam("serial"),
        first_seen_at=bindparam("now"),
        last_seen_at=bindparam("now"),
    )
    .on_conflict_do_update(index_elements=["name", "serial"], set_={"last_seen_at": bindparam("now")})
    .returning(*_NODE)
)
_REVOKE = (
    update(nodes)
    .where(_c.name == bindparam("key"), _c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_MARK = (
    insert(nodes)
    .values(
        name=bindparam("name"),
        serial=_NEVER_SHOWN,
        first_seen_at=bindparam("now"),
        last_seen_at=bindparam("now"),
        revoked_at=bindparam("now"),
    )
    .on_conflict_do_nothing()
)
_IS_REVOKED = select(_c.name).where(_c.name == bindparam("name"), _c.revoked_at.is_not(None)).limit(1)
_LIST = select(*_NODE).where(_c.serial != _NEVER_SHOWN).order_by(_c.name, _c.first_seen_at)


class SqlNodes:
    """Fits `identity.ports.NodeRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def seen(self, name: str, serial: str, now: datetime) -> NodeRecord:
        row = self._t.first(_SEEN, name=name, serial=serial, now=now)
        assert row is not None
        return NodeRecord(*row)

    def revoke(self, name: str, now: datetime) -> int:
        """How many certificates we had seen were cut off; the name stays revoked even where we had seen none."""
        cut = self._t.run(_REVOKE, key=name, now=now)
        self._t.run(_MARK, name=name, now=now)
        return cut

    def is_revoked(self, name: str, serial: str) -> bool:
        """By name: a second certificate of a stolen node, which we have not seen yet, must not pass either."""
        del serial
        return self._t.first(_IS_REVOKED, name=name) is not None

    def list(self) -> Sequence[NodeRecord]:
        return [NodeRecord(*row) for row in self._t.all(_LIST)]
