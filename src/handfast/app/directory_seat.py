"""This identity's turn at reading the directory, where several share the records (see `identity.directory.readership`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from handfast.identity.directory.entries import Readership
from handfast.identity.directory.readership import give_up_reading, go_on_reading
from handfast.identity.ports import Clock, Records, Unavailable
from handfast.observability.logging import event_log

POLLS = 3
"""So many poll times after one that reads was last heard of, another takes over."""

_LOG = event_log("directory")


class ReaderSeat:
    """`reader` names this identity among the others."""

    def __init__(self, records: Records, clock: Clock, reader: str) -> None:
        self._records = records
        self._clock = clock
        self._reader = reader
        self._term_read: int | None = None
        self._is_waiting = False

    async def take(self, poll_seconds: float) -> tuple[Readership, bool] | None:
        """Ours, and whether another one may have read since we last had; None while another reads. Raises: Unavailable."""
        now, lasts = self._clock.now(), timedelta(seconds=POLLS * poll_seconds)
        mine = await self._records.write(
            lambda repositories: go_on_reading(repositories, self._reader, now=now, lasts=lasts)
        )
        if (mine is None) is not self._is_waiting:
            self._is_waiting = mine is None
            _LOG.info("directory-read-by-another" if mine is None else "directory-reading-taken-over")
        return None if mine is None else (mine, mine.term != self._term_read)

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
        now = self._clock.now()
        with contextlib.suppress(Unavailable):
            await self._records.write(lambda repositories: give_up_reading(repositories, self._reader, now))

    async def _keep(self, poll_seconds: float) -> None:
        while True:
            await asyncio.sleep(poll_seconds)
            with contextlib.suppress(Unavailable):
                await self.take(poll_seconds)
