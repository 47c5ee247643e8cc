"""`record_decision()`: the one place where a decided request is logged, counted and told to identity."""

from __future__ import annotations

from handfast.decision.outcome import Outcome
from handfast.decision.ports import AuditSink, GatewayEvent
from handfast.observability.decisions import DecisionLog, DecisionRecord

REFUSED_EVENT = "request-refused"


def record_decision(log: DecisionLog, sink: AuditSink, record: DecisionRecord) -> None:
    """Logs and counts every record; refusals also go to identity, in numbers by reason and publication."""
    log.record(record)
    if record.outcome is Outcome.DENY:
        sink.record(
            GatewayEvent(
                name=REFUSED_EVENT, publication=record.publication, details=(("reason", record.reason.value),)
            )
        )
