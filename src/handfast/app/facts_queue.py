"""Facts and alarms that gateways report, on their way to the records: one at a time, and no more than a bounded number waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from handfast.decision.ports import GatewayEvent
from handfast.identity.ports import Unavailable
from handfast.observability.logging import event_log

MAX_WAITING = 10_000
"""Reports of a morning on which every phone comes back at once; what is more is dropped, and comes again."""

_LOG = event_log("identity")


class Desk(Protocol):
    """Who stores reports."""

    async def learn(self, node: str, event: GatewayEvent) -> bool:
        """Raises: Unavailable."""
        ...


class FactsQueue:
    """Takes events on the loop and hands them to the desk in the background."""

    def __init__(self, desk: Desk, max_waiting: int = MAX_WAITING) -> None:
        self._desk = desk
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[str, GatewayEvent]] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, node: str, event: GatewayEvent) -> None:
        """Never blocks; the newest is dropped where too many wait."""
        if len(self._waiting) >= self._max_waiting:
            return
        self._waiting.append((node, event))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Stores what waits, as far as the records take it."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting:
            node, event = self._waiting.popleft()
            try:
                await self._desk.learn(node, event)
            except Unavailable as problem:
                _LOG.warning("report-not-stored", node=node, name=event.name, why=str(problem))
            except Exception as error:  # noqa: BLE001 - one odd report must not keep the others from being stored
                _LOG.error("report-failed", node=node, name=event.name, error=type(error).__name__)
