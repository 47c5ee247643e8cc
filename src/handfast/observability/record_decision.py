"""The one place where a request's end is logged, counted, and told to identity where identity does not know of it.

A refusal that identity decided is kept there already. What the gateway refused by itself is reported one by one up to
a rate, so that `handfast explain` knows it; beyond it, in numbers by reason and publication.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

from handfast.decision.ports import AuditSink, GatewayEvent
from handfast.decision.reasons import Reason
from handfast.decision.reported import REFUSED_EVENT, report_text
from handfast.observability.decisions import DecisionLog, DecisionRecord

BURST = 100
PER_SECOND = 20.0
"""Reports of single requests a worker sends: more than people look up, and too few to load identity."""


class DecisionRecorder:
    """Fits the gateway's recorder. One a worker; `monotonic` is for tests."""

    def __init__(
        self, log: DecisionLog, sink: AuditSink, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._sink = sink
        self._monotonic = monotonic
        self._left = float(BURST)
        self._at = monotonic()

    def record(self, record: DecisionRecord) -> None:
        """Logs and counts every record; what identity can't know of goes there as well. Never blocks."""
        self._log.record(record)
        if record.reason is not Reason.ALLOWED and not record.decided_by_identity:
            told = self._may_tell()
            self._sink.record(_single(record) if told else _counted(record.publication, record.reason))

    def _may_tell(self) -> bool:
        now = self._monotonic()
        self._left = min(float(BURST), self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _single(record: DecisionRecord) -> GatewayEvent:
    facts = {
        "request_id": record.request_id,
        "reason": record.reason.value,
        "listener": record.listener,
        "channel": record.channel.value if record.channel else "",
        "login": record.login,
        "device_id": record.device_id,
        "request_line": f"{record.method} {record.path}".strip(),
        "detail": record.detail or record.backend,
        "rule": record.rule,
    }
    return GatewayEvent(
        REFUSED_EVENT,
        publication=record.publication,
        source=record.source,
        details=tuple((name, report_text(value)) for name, value in facts.items()),
    )


@lru_cache(1024)
def _counted(publication: str, reason: Reason) -> GatewayEvent:
    return GatewayEvent(REFUSED_EVENT, publication=publication, details=(("reason", reason.value),))
