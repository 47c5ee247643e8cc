"""Equal work done once at a time, on tasks of its own: whoever asked may give up, what was begun is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")

PATIENCE_SECONDS = 4.0
"""A gateway waits a second longer (`identity_api.client_pool.CALL_SECONDS`), so that it hears what there is to say."""


class SharedTasks:
    """Fits `decision.domain_passwords.SharedWork`. As many at a time as there are requests in flight."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def share(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """What the work gave, or raised, to whoever began it or came while it ran. Raises: TimeoutError."""
        async with asyncio.timeout(self._patience_seconds):
            return await self._share(key, work)

    async def share_anew(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """As `share`, by what began after this call. Raises: TimeoutError."""
        async with asyncio.timeout(self._patience_seconds):
            if key in self._running:
                await asyncio.wait({self._running[key]})
            return await self._share(key, work)

    async def pause(self, seconds: float) -> None:
        """Others go on meanwhile."""
        await asyncio.sleep(seconds)

    async def _share(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        task = self._running.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(_run(work))
            self._running[key] = task
            task.add_done_callback(lambda _done: self._forget(key))
        return cast("T", await asyncio.shield(task))

    def _forget(self, key: str) -> None:
        task = self._running.pop(key)
        if not task.cancelled():
            # Where everybody gave up nobody asks for it; an error that nobody saw would be complained about.
            task.exception()

    async def finish(self, *, deadline_seconds: float = 5.0) -> None:
        """Waits for what runs; what is not done by then is given up."""
        tasks = list(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
