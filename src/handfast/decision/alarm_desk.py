"""What a gateway could not let out, as the audit trail keeps it: once an hour for the same finding, as claimed by its node.

Each such request has its own line in the gateway's log and its evaluation for `explain`; the trail says since when the
servers behind tell something that nobody published, without being filled by clients that ask again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from handfast.decision.ports import GatewayEvent
from handfast.decision.reported import report_text
from handfast.decision.services import Services
from handfast.identity.audit import AuditEvent

WITHHELD_EVENT = "answer-withheld"
"""An answer that could not be made fit for outside; `host` in its details is the name that was found in it."""
SAME_AGAIN_AFTER = timedelta(hours=1)
MAX_REMEMBERED = 1000
"""Findings an hour; of what comes beyond them the trail has the number, once an hour."""

_Finding = tuple[str, str, str]
"""Node, publication, and the host that was found, or what else was wrong."""


class AlarmDesk:
    """Takes the alarms of gateways. One an identity process."""

    def __init__(self, services: Services, *, max_remembered: int = MAX_REMEMBERED) -> None:
        self._services = services
        self._max_remembered = max_remembered
        self._seen: OrderedDict[_Finding, datetime] = OrderedDict()
        self._unlisted = 0
        self._unlisted_since: datetime | None = None

    async def learn(self, node: str, event: GatewayEvent) -> bool:
        """Writes an alarm into the trail; False where it stands there already. Raises: Unavailable."""
        if event.name != WITHHELD_EVENT:
            return False
        said = {name: report_text(value) for name, value in event.details}
        now = self._services.clock.now()
        if not self._is_news((node, event.publication, said.get("host") or said.get("detail", "")), now):
            return False
        details = {name: said.get(name, "") for name in ("host", "detail", "request_id")}
        await self._services.records.write(
            lambda repositories: repositories.audit.append(
                AuditEvent.ANSWER_WITHHELD,
                now=now,
                actor=f"gateway:{node}",
                subject=event.publication,
                details=details,
            )
        )
        return True

    async def tell_unlisted(self, *, at_once: bool = False) -> int:
        """Writes how many findings the trail did not take one by one, when the first is an hour old, or `at_once`.

        Gives that number, 0 where there is nothing to say yet. Raises: Unavailable.
        """
        since, count, now = self._unlisted_since, self._unlisted, self._services.clock.now()
        if since is None or (now - since < SAME_AGAIN_AFTER and not at_once):
            return 0
        await self._services.records.write(
            lambda repositories: repositories.audit.append(
                AuditEvent.ANSWERS_UNLISTED,
                now=now,
                actor="identity",
                subject="answers",
                details={"findings": str(count), "since": since.isoformat()},
            )
        )
        self._unlisted -= count
        self._unlisted_since = now if self._unlisted else None
        return count

    def _is_news(self, finding: _Finding, now: datetime) -> bool:
        """True for what was not found in the last hour; what comes beyond the limit is counted."""
        while self._seen and now - next(iter(self._seen.values())) >= SAME_AGAIN_AFTER:
            self._seen.popitem(last=False)
        if finding in self._seen:
            return False
        if len(self._seen) >= self._max_remembered:
            self._unlisted += 1
            self._unlisted_since = self._unlisted_since or now
            return False
        self._seen[finding] = now
        return True
