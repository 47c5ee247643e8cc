"""What one identity process remembers of domain passwords: which were right a moment ago, and how long an answer takes.

A right one is remembered as long as a grant lives, counted from the domain's word; what is granted on it ends then.
Refusals wait until a round moment after the request came, so that it can't be told from the time whether the directory
was asked about the password, which it is for accounts it has and for no other name.
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
MAX_CHARACTERS = 256
"""Longer ones no domain has. Source: MS-SAMR 3.1.1.8.7 (256 UTF-16 units)."""


def can_be_domain_password(secret: str) -> bool:
    """False for what is never sent to a controller: an empty one would be an anonymous bind, NUL ends a password for some."""
    is_text = not any(0xD800 <= ord(one) <= 0xDFFF for one in secret)
    return 0 < len(secret) <= MAX_CHARACTERS and "\0" not in secret and is_text


class SharedWork(Protocol):
    """Lets equal work be done once at a time."""

    async def share(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Does the work, or waits for what is at it under the same key; gives what it gave, or raises what it raised.

        What was begun is finished, even where nobody waits for it any more.

        Raises: TimeoutError where it takes longer than a gateway waits.
        """
        ...

    async def share_anew(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """As `share`, but what was begun before this call does not count: it waits for the next."""
        ...

    async def pause(self, seconds: float) -> None:
        """Lets so much time pass before something is looked at once more."""
        ...


class Unshared:
    """Fits `SharedWork` where nothing runs at the same time."""

    async def share(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Does the work."""
        del key
        return await work()

    async def share_anew(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Does the work."""
        return await self.share(key, work)

    async def pause(self, seconds: float) -> None:
        """Nobody else is at work meanwhile."""


class DomainPasswordMemory:
    """Right domain passwords by their keyed digest. Bounded; lost by a restart."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        self._right: OrderedDict[str, datetime] = OrderedDict()
        self._slowest = 0.0

    def find_right(self, digest: str, now: datetime) -> datetime | None:
        """Until when the domain's word on it counts; None where the domain is to be asked."""
        until = self._right.get(digest)
        # A longer rest than any has: our clock was set back since.
        return until if until is not None and LEAST_REST <= until - now <= REMEMBERED else None

    def remember_right(self, digest: str, now: datetime) -> datetime:
        """The domain said so; until when it counts."""
        until = now + REMEMBERED
        self._right[digest] = until
        self._right.move_to_end(digest)
        while len(self._right) > self._max_remembered:
            self._right.popitem(last=False)
        return until

    def note_answer(self, took: timedelta, *, is_typical: bool = True) -> None:
        """A refusal was ready, with a controller's word or without one; slow ones are forgotten over the next few that are
        typical, which quick ones are not while passwords alone get no answer.
        """
        self._slowest = max(took.total_seconds(), self._slowest * (0.8 if is_typical else 1.0))

    def hold_seconds(self, since: datetime, now: datetime) -> float:
        """What a refusal of a request that came at `since` waits: to the next step after what the slowest answer took."""
        passed = max(0.0, (now - since).total_seconds())
        steps = max(1, ceil(max(passed, self._slowest) / STEP_SECONDS))
        return max(0.0, min(steps * STEP_SECONDS, MAX_HOLD_SECONDS) - passed)
