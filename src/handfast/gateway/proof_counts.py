"""What became of servers' proofs, in numbers; and a word once a minute where nobody could look at them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from handfast.observability import metrics
from handfast.observability.logging import event_log

TELL_SECONDS = 60.0

_LOG = event_log("gateway")


class ProofResult(StrEnum):
    """How a server's proof ended."""

    GOOD = "good"
    WRONG = "wrong"
    UNSEEN = "unseen"
    """Nobody could look at it: who made the ticket is gone, or lags behind."""


class ProofCounts:
    """Of one worker. `clock` is in seconds, monotonic."""

    __slots__ = ("_clock", "_tell_at", "_unseen")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._unseen: dict[str, int] = {}
        self._tell_at: dict[str, float] = {}

    def note(self, publication: str, result: ProofResult) -> None:
        """Counts one."""
        metrics.BACKEND_PROOFS.labels(publication, result).inc()

    def note_unseen(self, publication: str, request_id: str, why: str) -> None:
        """Counts one, and tells of it and those before it; each publication at most once a minute."""
        self.note(publication, ProofResult.UNSEEN)
        self._unseen[publication] = self._unseen.get(publication, 0) + 1
        now = self._clock()
        if now < self._tell_at.get(publication, now):
            return
        self._tell_at[publication] = now + TELL_SECONDS
        _LOG.warning(
            "backend-proof-not-looked-at",
            publication=publication,
            count=self._unseen.pop(publication),
            request=request_id,
            why=why,
        )
