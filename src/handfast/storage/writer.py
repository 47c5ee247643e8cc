"""The one thread that writes: it runs what is queued, each work in its own savepoint, and commits the group at once.

One fsync then serves many sign-ins, an exception takes back only its own work, and nobody is told "done" before the
commit. PostgreSQL uses the same thread, because all work of one identity appends to one audit chain: in parallel
transactions its head would make them fail one another.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from handfast.identity.ports import Repositories, Unavailable
from handfast.identity.records import Revocation
from handfast.storage.deadlines import by_deadline
from handfast.storage.driver import Driver, Session
from handfast.storage.statements import MustRetry

T = TypeVar("T")
Outcome = tuple["Job", Any, Exception | None]

MAX_BATCH = 64
"""Works a commit: enough to share an fsync, few enough that the first does not wait for long."""
MAX_QUEUED = 1024
_RETRIES = 6
"""Times a transaction is run again after a conflict with another identity."""


@dataclass(slots=True, eq=False)
class Job:
    """One work and who waits for it. `abandoned`: nobody does any more, so it is not begun."""

    work: Callable[[Repositories], Any]
    future: asyncio.Future[Any]
    abandoned: bool = field(default=False)


class Writer:
    """Starts its thread on construction; `committed` is called on the loop with the revocations of each commit."""

    def __init__(
        self,
        driver: Driver,
        open_session: Callable[[], Session],
        *,
        committed: Callable[[Sequence[Revocation]], None],
        deadline_seconds: float,
    ) -> None:
        self._driver = driver
        self._open_session = open_session
        self._committed = committed
        self._deadline_seconds = deadline_seconds
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._session: Session | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="storage-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Repositories], T]) -> T:
        """Returns after the commit. Raises: Unavailable, and whatever the work raises."""
        if self._closing:
            raise Unavailable("the database is being closed")
        if self._queue.qsize() >= MAX_QUEUED:
            raise Unavailable(f"{MAX_QUEUED} changes wait for the database already")
        job = Job(work, self._loop.create_future())
        self._queue.put(job)
        try:
            result: T = await by_deadline(job.future, self._deadline_seconds)
            return result
        finally:
            job.abandoned = True

    async def close(self) -> None:
        """Commits what is queued, then ends the thread."""
        self._closing = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            batch, last = self._gather(job)
            self._handle(batch)
            if last:
                break
        self._drop_session()

    def _gather(self, first: Job) -> tuple[list[Job], bool]:
        """What is queued now, at most a batch; True where the end of the queue was met."""
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _handle(self, batch: list[Job]) -> None:
        """All together; after a lost conflict one by one, so that one contended row holds up only its own work."""
        try:
            self._commit(batch)
        except MustRetry:
            for job in batch:
                self._retry(job)

    def _retry(self, job: Job) -> None:
        for attempt in range(_RETRIES):
            try:
                self._commit([job])
            except MustRetry:
                time.sleep(0.002 * 2**attempt)
            else:
                return
        self._settle([(job, None, Unavailable(f"lost {_RETRIES} conflicts with other writers"))], [])

    def _commit(self, batch: list[Job]) -> None:
        """Raises: MustRetry, with nothing changed."""
        waiting = [job for job in batch if not job.abandoned]
        try:
            session = self._begin()
            if len(waiting) == 1:
                outcomes = [self._run_alone(session, waiting[0])]
            else:
                outcomes = [self._run(session, job) for job in waiting]
            published = session.repositories.revocations.published
            session.run("COMMIT")
        except Exception as error:
            self._roll_back()
            translated = self._driver.translate(error) or error
            if isinstance(translated, MustRetry):
                raise translated from error
            self._settle([(job, None, translated) for job in waiting], [])
        else:
            self._settle(outcomes, published)

    def _begin(self) -> Session:
        if self._session is None:
            self._session = self._open_session()
        try:
            self._session.begin()
        except Exception:
            # A connection the server closed while we were idle is worth one new try; a locked file is not.
            if self._driver.statements.dialect.name == "sqlite":
                raise
            self._drop_session()
            self._session = self._open_session()
            self._session.begin()
        return self._session

    def _run_alone(self, session: Session, job: Job) -> Outcome:
        """One work is its own batch: the transaction does what a savepoint would. Raises: whatever the work raises."""
        try:
            return job, session.transaction.finish(job.work(session.repositories)), None
        except Exception as error:
            if isinstance(session.transaction.doomed, MustRetry):
                raise MustRetry(str(error)) from error
            if not session.is_open:
                raise Unavailable(f"the database gave the transaction up: {error}") from error
            raise

    def _run(self, session: Session, job: Job) -> Outcome:
        """Raises: what ends the whole batch; an error of the work alone is its outcome."""
        session.run("SAVEPOINT work")
        published = len(session.repositories.revocations.published)
        try:
            result = session.transaction.finish(job.work(session.repositories))
        except Exception as error:
            if isinstance(error, MustRetry) or isinstance(session.transaction.doomed, MustRetry):
                raise MustRetry(str(error)) from error
            if not session.is_open:
                raise Unavailable(f"the database gave the transaction up: {error}") from error
            session.run("ROLLBACK TO SAVEPOINT work")
            session.run("RELEASE SAVEPOINT work")
            del session.repositories.revocations.published[published:]
            session.transaction.doomed = None
            return job, None, error
        session.run("RELEASE SAVEPOINT work")
        return job, result, None

    def _roll_back(self) -> None:
        if self._session is None:
            return
        try:
            if self._session.is_open:
                self._session.run("ROLLBACK")
        except Exception:  # noqa: BLE001 - a connection that can't even roll back is dropped, and a new one made
            self._drop_session()

    def _drop_session(self) -> None:
        if self._session is not None:
            with contextlib.suppress(Exception):
                self._session.connection.close()
        self._session = None

    def _settle(self, outcomes: Sequence[Outcome], published: Sequence[Revocation]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell, outcomes, published)

    def _tell(self, outcomes: Sequence[Outcome], published: Sequence[Revocation]) -> None:
        """Listeners first: whoever waits for a block may rely on its having been told."""
        if published:
            self._committed(published)
        for job, result, error in outcomes:
            if job.future.done():
                continue
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
