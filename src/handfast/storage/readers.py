"""A few threads that read, each on its own connection, each work on one snapshot."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from handfast.identity.ports import Repositories, Unavailable
from handfast.storage.driver import Driver, Session

T = TypeVar("T")

THREADS = 3
"""Python runs one at a time anyway; the others stand by while one waits for the disk or the server."""
MAX_PENDING = 2048


class Readers:
    """Connections are opened when a thread first needs one."""

    def __init__(
        self, driver: Driver, open_session: Callable[[], Session], *, deadline_seconds: float
    ) -> None:
        self._driver = driver
        self._open_session = open_session
        self._deadline_seconds = deadline_seconds
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="storage-reader")
        self._local = threading.local()
        self._sessions: set[Session] = set()
        self._pending = 0
        self._closing = False
        self._loop_thread = threading.get_ident()
        self._is_embedded = driver.statements.dialect.name == "sqlite"

    async def read(self, work: Callable[[Repositories], T]) -> T:
        """Raises: Unavailable, and whatever the work raises."""
        if self._closing:
            raise Unavailable("the database is being closed")
        if self._pending >= MAX_PENDING:
            raise Unavailable(f"{MAX_PENDING} look-ups wait for the database already")
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)
        self._pending += 1
        future.add_done_callback(self._finished)
        try:
            done, _ = await asyncio.wait({future}, timeout=self._deadline_seconds)
            if not done:
                raise Unavailable(f"the database took longer than {self._deadline_seconds} s")
            return future.result()
        finally:
            future.cancel()

    async def look_up(self, work: Callable[[Repositories], T]) -> T:
        """A few look-ups by key: for SQLite on the loop's own thread, where they cost less than the way to another.

        Whatever keeps the file from answering at once is waited for on a reader's thread. Raises: as `read`.
        """
        if not self._is_embedded or self._closing:
            return await self.read(work)
        try:
            return self._run(work)
        except Unavailable:
            return await self.read(work)

    async def close(self) -> None:
        """Waits for the look-ups under way, and closes every connection."""
        self._closing = True
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        for session in self._sessions:
            session.connection.close()
        self._sessions.clear()

    def _finished(self, _future: asyncio.Future[T]) -> None:
        self._pending -= 1

    def _run(self, work: Callable[[Repositories], T]) -> T:
        try:
            session = self._begin()
        except Exception as error:
            raise self._driver.translate(error) or error from error
        try:
            result = work(session.repositories)
            session.run("COMMIT")
            return result
        except Exception as error:
            self._roll_back(session)
            raise self._driver.translate(error) or error from error

    def _begin(self) -> Session:
        """On the thread's connection, or a new one where the server has closed the old one."""
        session: Session | None = getattr(self._local, "session", None)
        if session is not None:
            try:
                session.begin()
                return session
            except Exception:  # noqa: BLE001 - whatever is wrong with the old one, the new one shows it or works
                self._drop(session)
        session = self._open_session()
        if self._is_embedded and threading.get_ident() == self._loop_thread:
            session.run("PRAGMA busy_timeout = 0")  # the loop waits for nobody; see `look_up`
        self._local.session = session
        self._sessions.add(session)
        session.begin()
        return session

    def _roll_back(self, session: Session) -> None:
        try:
            if session.is_open:
                session.run("ROLLBACK")
        except Exception:  # noqa: BLE001 - a connection that can't even roll back is worth nothing
            self._drop(session)

    def _drop(self, session: Session) -> None:
        self._local.session = None
        self._sessions.discard(session)
        with contextlib.suppress(Exception):
            session.connection.close()
