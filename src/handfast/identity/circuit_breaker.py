"""A circuit breaker: while nothing answers, most are told so at once, and one at a time tries whether that is still so."""

from __future__ import annotations


class CircuitBreaker:
    """Closed; open for a pause; then one call is let through, and its end decides. Pauses double.

    It opens after `failures` in a row. Calls that were under way then fail too, be it much later, and say nothing new: the one
    that was let through decides alone. For one thread; `now` is monotonic, in seconds like all pauses.
    """

    def __init__(self, *, failures: int, first_pause: float, longest_pause: float) -> None:
        self._failures_to_open = failures
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._failures = 0
        self._pause = 0.0
        self._next_try_at = 0.0
        self._is_trying = False
        self.last_failure = ""
        """In words; "" after an answer."""

    @property
    def is_open(self) -> bool:
        """Whether it failed so often that calls are refused."""
        return self._pause > 0.0

    def admits(self, now: float) -> bool:
        """Whether a call may be made now. While open, the answer True is given once a pause."""
        if not self.is_open:
            return True
        if now < self._next_try_at:
            return False
        self._next_try_at = now + self._pause
        self._is_trying = True
        return True

    def succeeded(self) -> bool:
        """Somebody answered, be it with a refusal, be it late. True where that closed the breaker."""
        was_open = self.is_open
        self._failures, self._pause, self.last_failure = 0, 0.0, ""
        self._is_trying = False
        return was_open

    def failed(self, now: float, why: str) -> bool:
        """Nobody answered. True where that opened the breaker."""
        self.last_failure = why
        self._failures += 1
        if self._failures < self._failures_to_open:
            return False
        was_open = self.is_open
        if was_open and not self._is_trying:
            return False
        self._pause = min(max(self._first_pause, 2 * self._pause), self._longest_pause)
        self._next_try_at = now + self._pause
        self._is_trying = False
        return not was_open
