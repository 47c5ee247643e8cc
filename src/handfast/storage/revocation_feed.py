"""Tells listeners of revocations: in order of epoch, none left out, none twice, whoever published them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from handfast.identity.ports import Unavailable
from handfast.identity.records import Revocation

Listener = Callable[[Sequence[Revocation]], None]
_PAGE = 500


class RevocationFeed:
    """Fits `identity.ports.RevocationPublisher`. All methods run on the event loop.

    `since(epoch, limit)` reads the table. What this process commits is handed on at once where it follows directly;
    else, and on every poll or notice, the table is read.
    """

    def __init__(
        self, since: Callable[[int, int], Awaitable[Sequence[Revocation]]], *, poll_seconds: float
    ) -> None:
        self._since = since
        self._poll_seconds = poll_seconds
        self._listeners: list[Listener] = []
        self._epoch = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, epoch: int) -> None:
        """What was published up to `epoch` is old: whoever connects later revalidates anyway."""
        self._epoch = epoch
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="revocation-feed")

    async def close(self) -> None:
        """Ends the polling."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """The listener hears of what is committed from now on."""
        self._listeners.append(listener)
        return lambda: self._unsubscribe(listener)

    def nudge(self) -> None:
        """Something was published: read now."""
        self._wake.set()

    def committed(self, published: Sequence[Revocation]) -> None:
        """Revocations of a commit of this process, in order of epoch."""
        if published[0].epoch == self._epoch + 1:
            self._tell(published)
        else:
            self.nudge()

    def _unsubscribe(self, listener: Listener) -> None:
        with contextlib.suppress(ValueError):
            self._listeners.remove(listener)

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()
            self._wake.clear()
            # Out of reach: the next poll reads on from the same epoch. Gateways see it by their heartbeat.
            with contextlib.suppress(Unavailable):
                await self._catch_up()

    async def _catch_up(self) -> None:
        while revocations := await self._since(self._epoch, _PAGE):
            # `committed` may have told the first of them while we read.
            fresh = [revocation for revocation in revocations if revocation.epoch > self._epoch]
            if fresh:
                self._tell(fresh)

    def _tell(self, revocations: Sequence[Revocation]) -> None:
        self._epoch = revocations[-1].epoch
        for listener in list(self._listeners):
            try:
                listener(revocations)
            except Exception as error:  # noqa: BLE001 - one listener's fault must not keep a block from the others
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a listener to revocations failed", "exception": error}
                )
