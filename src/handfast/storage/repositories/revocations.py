"""Revocations under one epoch that rises in the order of commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from handfast.identity.records import AccountId, AppPasswordId, Revocation, RevocationScope
from handfast.storage.schema import revocation_epoch, revocations
from handfast.storage.statements import Row, Transaction

NOTIFY_CHANNEL = "handfast_revocations"
"""PostgreSQL's LISTEN channel; the notice carries nothing, the listener reads the table."""

_COLUMNS = ("epoch", "scope", "at", "account_id", "device_id", "app_password_id", "publication", "node")
_CURRENT = select(revocation_epoch.c.epoch)
_NEXT = (
    update(revocation_epoch).values(epoch=revocation_epoch.c.epoch + 1).returning(revocation_epoch.c.epoch)
)
_ADD = insert(revocations).values({name: bindparam(name) for name in _COLUMNS})
_SINCE = (
    select(*(revocations.c[name] for name in _COLUMNS))
    .where(revocations.c.epoch > bindparam("after"))
    .order_by(revocations.c.epoch)
    .limit(bindparam("page"))
)
_NOTIFY = select(func.pg_notify(NOTIFY_CHANNEL, ""))


def _revocation(row: Row) -> Revocation:
    epoch, scope, *rest = row
    return Revocation(epoch, RevocationScope(scope), *rest)


class SqlRevocations:
    """Fits `identity.ports.RevocationLog`. `published` gathers what this transaction published, for its listeners."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self.published: list[Revocation] = []

    def current_epoch(self) -> int:
        row = self._t.first(_CURRENT)
        assert row is not None
        return int(row[0])

    def publish(
        self,
        scope: RevocationScope,
        *,
        now: datetime,
        account_id: AccountId | None = None,
        device_id: str | None = None,
        app_password_id: AppPasswordId | None = None,
        publication: str | None = None,
        node: str | None = None,
    ) -> Revocation:
        """The epoch's row stays locked until the commit."""
        row = self._t.first(_NEXT)
        assert row is not None
        revocation = Revocation(
            int(row[0]), scope, now, account_id, device_id, app_password_id, publication, node
        )
        self._t.run(_ADD, **{name: getattr(revocation, name) for name in _COLUMNS})
        if self._t.dialect_name == "postgresql":
            self._t.first(_NOTIFY)
        self.published.append(revocation)
        return revocation

    def since(self, epoch: int, *, limit: int) -> Sequence[Revocation]:
        return [_revocation(row) for row in self._t.all(_SINCE, after=epoch, page=limit)]
