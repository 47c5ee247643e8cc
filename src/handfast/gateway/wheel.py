"""One coarse timer for everything a worker waits on: moving a deadline costs an attribute, not a timer.

An object stands in at most a few buckets; when its bucket comes up and its deadline has moved on, it is put into a
later one. No bucket is further away than `MAX_AHEAD_SECONDS`, so that what has ended is not held for long.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

TICK_SECONDS = 0.25
MAX_AHEAD_SECONDS = 30.0
NEVER = float("inf")


class Timed(Protocol):
    """What the wheel can watch. `wheel_slot` belongs to the wheel; start it at 0, `deadline` at `NEVER`."""

    deadline: float
    wheel_slot: int

    def on_deadline(self, now: float) -> None:
        """Called once when `deadline` has passed; the deadline is `NEVER` by then."""
        ...


class TimerWheel:
    """Deadlines in loop time, served every quarter of a second."""

    __slots__ = ("_buckets", "_handle", "_loop", "_slot")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._buckets: dict[int, list[Timed]] = {}
        self._slot = int(loop.time() / TICK_SECONDS)
        self._handle: asyncio.TimerHandle | None = loop.call_later(TICK_SECONDS, self._tick)

    def watch(self, item: Timed, deadline: float) -> None:
        """Sets the deadline of `item`; the last one set is the one that counts."""
        item.deadline = deadline
        # It comes up no later than that already, and is put further then.
        if item.wheel_slot and item.wheel_slot * TICK_SECONDS <= deadline:
            return
        slot = int(min(deadline, self._loop.time() + MAX_AHEAD_SECONDS) / TICK_SECONDS) + 1
        if item.wheel_slot == 0 or slot < item.wheel_slot:
            self._insert(item, max(slot, self._slot + 1))

    def stop(self) -> None:
        """Ends the ticking and lets everything go."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._buckets.clear()

    def _insert(self, item: Timed, slot: int) -> None:
        item.wheel_slot = slot
        self._buckets.setdefault(slot, []).append(item)

    def _tick(self) -> None:
        self._handle = self._loop.call_later(TICK_SECONDS, self._tick)
        now = self._loop.time()
        last = int(now / TICK_SECONDS)
        while self._slot < last:
            self._slot += 1
            for item in self._buckets.pop(self._slot, ()):
                self._serve(item, now)

    def _serve(self, item: Timed, now: float) -> None:
        if item.wheel_slot != self._slot:
            return
        item.wheel_slot = 0
        if item.deadline <= now:
            item.deadline = NEVER
            item.on_deadline(now)
        elif item.deadline != NEVER:
            self.watch(item, item.deadline)
