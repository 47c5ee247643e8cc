"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class SettableClock:
    """Fits `identity.ports.Clock`."""

    def __init__(self, start: datetime = START) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        """In seconds, from some instant on."""
        return self.time.timestamp()

    def advance(self, **parts: float) -> datetime:
        """Moves on by `timedelta(**parts)` and returns the new time."""
        self.time += timedelta(**parts)
        return self.time
