"""Opens the records of identity: the one entry of this package for `app.py`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.engine import URL

from handfast.identity.ports import KeyRing, Repositories
from handfast.identity.records import Revocation
from handfast.storage.driver import Driver, Session
from handfast.storage.notices import NoticeListener
from handfast.storage.postgresql import PostgresqlDriver
from handfast.storage.readers import Readers
from handfast.storage.revocation_feed import RevocationFeed
from handfast.storage.sqlite import SqliteDriver, create_file
from handfast.storage.urls import engine_url, sqlite_path
from handfast.storage.writer import Writer

T = TypeVar("T")

DEADLINE_SECONDS = 5.0
"""A read or write that takes longer is given up: a phone has its 503 before its own patience ends."""
POLL_SECONDS = 1.0


class SqlRecords:
    """Fits `identity.ports.Records` and `RevocationPublisher`, between `start` and `close`."""

    def __init__(
        self,
        driver: Driver,
        keyring: KeyRing,
        *,
        chain: str,
        listen_url: URL | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._driver = driver
        self._keyring = keyring
        self._chain = chain
        self._listen_url = listen_url
        self._deadline_seconds = deadline_seconds
        self._feed = RevocationFeed(self._since, poll_seconds=poll_seconds)
        self._writer: Writer | None = None
        self._readers: Readers | None = None
        self._notices: NoticeListener | None = None

    async def start(self) -> None:
        """Opens the connections; the schema must be there (`migration.migrate`). Raises: Unavailable."""
        self._readers = Readers(
            self._driver, lambda: self._open(read_only=True), deadline_seconds=self._deadline_seconds
        )
        try:
            epoch = await self._readers.read(lambda repositories: repositories.revocations.current_epoch())
        except BaseException:
            await self._readers.close()
            raise
        self._feed.start(epoch)
        self._writer = Writer(
            self._driver,
            lambda: self._open(read_only=False),
            committed=self._feed.committed,
            deadline_seconds=self._deadline_seconds,
        )
        if self._listen_url is not None:
            loop = asyncio.get_running_loop()
            self._notices = NoticeListener(self._listen_url, lambda: self._nudge(loop))

    async def close(self) -> None:
        """Commits what is queued and closes every connection."""
        if self._notices is not None:
            await asyncio.to_thread(self._notices.close)
        await self._feed.close()
        if self._writer is not None:
            await self._writer.close()
        if self._readers is not None:
            await self._readers.close()

    async def read(self, work: Callable[[Repositories], T]) -> T:
        """Raises: Unavailable, and whatever the work raises."""
        assert self._readers is not None, "start() comes first"
        return await self._readers.read(work)

    async def look_up(self, work: Callable[[Repositories], T]) -> T:
        """As `read`, without the way to another thread where the database is a file. Raises: as `read`."""
        assert self._readers is not None, "start() comes first"
        return await self._readers.look_up(work)

    async def write(self, work: Callable[[Repositories], T]) -> T:
        """Raises: Unavailable (nothing was acknowledged), and whatever the work raises."""
        assert self._writer is not None, "start() comes first"
        return await self._writer.write(work)

    def subscribe(self, listener: Callable[[Sequence[Revocation]], None]) -> Callable[[], None]:
        """See `identity.ports.RevocationPublisher`."""
        return self._feed.subscribe(listener)

    def _nudge(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._feed.nudge)

    def _open(self, *, read_only: bool) -> Session:
        return Session(self._driver, self._keyring, self._chain, read_only=read_only)

    async def _since(self, epoch: int, limit: int) -> Sequence[Revocation]:
        return await self.read(lambda repositories: repositories.revocations.since(epoch, limit=limit))


def open_records(
    database_url: str,
    keyring: KeyRing,
    *,
    chain: str,
    password: str | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
    poll_seconds: float = POLL_SECONDS,
) -> SqlRecords:
    """The records at `identity.database`, not started yet; `chain` names this process's audit chain ("identity-1").

    Two processes must not write one chain at a time: identities that share a database have a chain each.

    Raises: ValueError (a URL of another kind), Unavailable (the file can't be made).
    """
    url = engine_url(database_url, password)
    path = sqlite_path(database_url)
    driver: Driver
    if path is not None:
        create_file(path)
        driver = SqliteDriver(path)
    else:
        driver = PostgresqlDriver(url)
    return SqlRecords(
        driver,
        keyring,
        chain=chain,
        listen_url=None if path is not None else url,
        deadline_seconds=deadline_seconds,
        poll_seconds=poll_seconds,
    )
