"""What one identity process remembers of domain passwords: which were right a moment ago, and how long an answer takes.

A right one is remembered as long as a grant lives, counted from the domain's word; what is granted on it ends then.
Refusals wait until a round moment after the request came, so that it can't be told from the time whether the directory
was asked, which it is for accounts it has and for no other name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol, TypeVar

from handfast.decision.outcome import MAX_GRANT_SECONDS

T = TypeVar("T")

REMEMBERED = timedelta(seconds=MAX_GRANT_SECONDS)
LEAST_REST = timedelta(seconds=30)
"""A grant on what is remembered lives at least so long: else the domain is asked anew."""
MAX_REMEMBERED = 50_000
"""Some 150 bytes each; the oldest is forgotten first."""
STEP_SECONDS = 0.5
"""Refusals are told at multiples of this: several times what a domain controller near by takes."""
MAX_HOLD_SECONDS = 6.0
OUTAGE = timedelta(seconds=10)
"""After nobody answered, names that no account has are told the same for so long."""


class SharedWork(Protocol):
    """Lets equal work be done once at a time."""

    async def share(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Does the work, or waits for what is at it under the same key; gives what it gave, or raises what it raised.

        What was begun is finished, even where nobody waits for it any more.
        """
        ...


class Unshared:
    """Fits `SharedWork` where nothing runs at the same time."""

    async def share(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Does the work."""
        del key
        return await work()


class DomainPasswordMemory:
    """Right domain passwords by their keyed digest. Bounded; lost by a restart."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        self._right: OrderedDict[str, datetime] = OrderedDict()
        self._slowest = 0.0
        self._outage_until: datetime | None = None

    def find_right(self, digest: str, now: datetime) -> datetime | None:
        """Until when the domain's word on it counts; None where the domain is to be asked."""
        until = self._right.get(digest)
        return None if until is None or until - now < LEAST_REST else until

    def remember_right(self, digest: str, now: datetime) -> datetime:
        """The domain said so; until when it counts."""
        until = now + REMEMBERED
        self._right[digest] = until
        self._right.move_to_end(digest)
        while len(self._right) > self._max_remembered:
            self._right.popitem(last=False)
        return until

    def note_answer(self, took: timedelta) -> None:
        """A directory answered; slow answers are forgotten over the next few."""
        self._slowest = max(took.total_seconds(), self._slowest * 0.8)

    def note_outage(self, now: datetime) -> None:
        """No domain controller answered."""
        self._outage_until = now + OUTAGE

    def is_out(self, now: datetime) -> bool:
        """True where nobody answered just now."""
        return self._outage_until is not None and now < self._outage_until

    def hold_seconds(self, since: datetime, now: datetime) -> float:
        """What a refusal of a request that came at `since` waits: to the next step after what the slowest answer took."""
        passed = max(0.0, (now - since).total_seconds())
        steps = max(1, ceil(max(passed, self._slowest) / STEP_SECONDS))
        return max(0.0, min(steps * STEP_SECONDS, MAX_HOLD_SECONDS) - passed)
