"""The one record of each request, and who takes it."""

from __future__ import annotations

from typing import Protocol

from handfast.observability.decisions import DecisionRecord


class Recorder(Protocol):
    """Logs and counts (`observability.record_decision`); must not block."""

    def record(self, record: DecisionRecord) -> None: ...
