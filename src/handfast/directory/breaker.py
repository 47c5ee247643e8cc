"""When a domain controller that failed is asked again."""

from __future__ import annotations

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class Breaker:
    """Open after any failure, for a pause; then one try at a time, whose end decides: another failure doubles the pause.

    Many calls may be under way when it opens: that they fail too is the same failure.

    One failure is enough: there are other controllers, and the one that fails costs whoever asks it a whole timeout.
    For one thread; `now` is monotonic, in seconds.
    """

    def __init__(self) -> None:
        self._pause = 0.0
        self._until = 0.0
        self._is_trying = False
        self.last_failure = ""

    @property
    def is_open(self) -> bool:
        """Whether the last answer was a failure."""
        return self._pause > 0.0

    def admits(self, now: float) -> bool:
        """Whether it may be asked now. While open, True is given once a pause."""
        if self.is_open:
            if now < self._until:
                return False
            self._until = now + self._pause
            self._is_trying = True
        return True

    def succeeded(self) -> bool:
        """It answered. True where that closed the breaker."""
        was_open = self.is_open
        self._pause = 0.0
        self._is_trying = False
        self.last_failure = ""
        return was_open

    def failed(self, now: float, why: str) -> bool:
        """It did not, or wrongly. True where that opened the breaker."""
        was_open = self.is_open
        self.last_failure = why
        if not was_open or self._is_trying:
            self._pause = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), LONGEST_PAUSE_SECONDS)
            self._until = now + self._pause
            self._is_trying = False
        return not was_open
