"""A circuit breaker: while nothing answers, most are told so at once, and one at a time tries whether that is still so."""

from __future__ import annotations

FAILURES_TO_OPEN = 3
"""One silent answer may be one lost packet; three in a row are a KDC that is away."""
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
"""A silent KDC holds the thread that asks it for some 50 seconds, so tries must not come faster than threads return."""


class CircuitBreaker:
    """Closed, open for a pause, then half-open: one call is let through, and its end decides. Pauses double.

    For one thread; `now` is monotonic, in seconds.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._pause = 0.0
        self._paused_at = 0.0
        self._next_try_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether something failed so often that calls are refused."""
        return self._pause > 0.0

    def admits(self, now: float) -> bool:
        """Whether a call may be made now. While open, the answer True is given once a pause."""
        if not self.is_open:
            return True
        if now < self._next_try_at:
            return False
        self._next_try_at = now + self._pause
        return True

    def succeeded(self) -> bool:
        """Somebody answered, be it with a refusal, be it late. True where that closed the breaker."""
        was_open = self.is_open
        self._failures, self._pause = 0, 0.0
        return was_open

    def failed(self, now: float) -> bool:
        """Nobody answered. True where that opened the breaker."""
        self._failures += 1
        if self._failures < FAILURES_TO_OPEN:
            return False
        was_open = self.is_open
        if was_open and now < self._paused_at + self._pause:
            return False  # One of those that were begun before it opened: they say nothing new.
        self._pause = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), LONGEST_PAUSE_SECONDS)
        self._paused_at = now
        self._next_try_at = now + self._pause
        return not was_open
