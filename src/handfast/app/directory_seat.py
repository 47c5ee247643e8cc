"""This identity's turn at reading the directory, where several share the records (see `identity.directory.readership`)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from handfast.identity.directory.entries import Readership
from handfast.identity.directory.readership import give_up_reading, go_on_reading
from handfast.identity.ports import Clock, Records, Unavailable
from handfast.observability.logging import event_log

POLLS = 3
"""So many poll times after one that reads was last seen to go on, another takes over."""

_LOG = event_log("directory")


class ReaderSeat:
    """`reader` names this identity among the others."""

    def __init__(
        self, records: Records, clock: Clock, reader: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._records = records
        self._clock = clock
        self._reader = reader
        self._term_read: int | None = None
        self._monotonic = monotonic
        self._other: Readership | None = None
        self._other_seen_at = 0.0

    async def take(self, poll_seconds: float) -> tuple[Readership, bool] | None:
        """Ours, and whether another one may have read since we last had; None while another reads. Raises: Unavailable."""
        now, lasts = self._clock.now(), timedelta(seconds=POLLS * poll_seconds)
        has_waited = self._monotonic() - self._other_seen_at >= lasts.total_seconds()
        stalled = self._other if has_waited else None
        now_reading = await self._records.write(
            lambda repositories: go_on_reading(
                repositories, self._reader, now=now, lasts=lasts, stalled=stalled
            )
        )
        is_ours = now_reading.reader == self._reader
        self._note_other(None if is_ours else now_reading)
        return (now_reading, now_reading.term != self._term_read) if is_ours else None

    def note_read(self, readership: Readership) -> None:
        """A reading was stored to its end."""
        self._term_read = readership.term

    @contextlib.asynccontextmanager
    async def kept(self, poll_seconds: float) -> AsyncIterator[None]:
        """Goes on meanwhile, however long a whole reading takes."""
        task = asyncio.get_running_loop().create_task(self._keep(poll_seconds))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def leave(self) -> None:
        """Another one may read at once; what keeps us from saying so makes it wait for some polls."""
        with contextlib.suppress(Unavailable):
            await self._records.write(lambda repositories: give_up_reading(repositories, self._reader))

    def _note_other(self, other: Readership | None) -> None:
        """Who else reads, since when it was last seen to go on."""
        if (other is None) is not (self._other is None):
            _LOG.info("directory-reading-taken-over" if other is None else "directory-read-by-another")
        if other != self._other:
            self._other, self._other_seen_at = other, self._monotonic()

    async def _keep(self, poll_seconds: float) -> None:
        while True:
            await asyncio.sleep(poll_seconds)
            with contextlib.suppress(Unavailable):
                await self.take(poll_seconds)
