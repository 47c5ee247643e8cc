"""Threads for calls that block, a fixed number of them, which nobody ever waits for.

A Kerberos library that asks a silent KDC comes back after some 50 seconds and can't be interrupted. Its thread is left
alone until then; the caller goes on at its own deadline, and so does the end of the process: the threads are daemons, which
the standard pool's are not (it would wait for them at exit).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from handfast.identity.ports import Unavailable

S = TypeVar("S")
T = TypeVar("T")


class Workers(Generic[S]):
    """Up to `count` threads, each with a state of its own by `new_state`, which no other thread touches.

    Threads are started as they are needed. `submit` is for one thread, the event loop's.
    """

    def __init__(self, name: str, count: int, max_waiting: int, new_state: Callable[[], S]) -> None:
        self._name = name
        self._count = count
        self._max_jobs = count + max_waiting
        self._new_state = new_state
        self._queue: queue.SimpleQueue[tuple[Callable[[S], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0

    def submit(self, work: Callable[[S], T]) -> Future[T]:
        """Runs `work` on a thread's state. What is cancelled before its turn is never begun.

        Raises: Unavailable where too much waits already, or no thread can be had that is needed.
        """
        with self._lock:
            if self._unfinished >= self._max_jobs:
                raise Unavailable(f"too much waits for the {self._name} threads")
            self._unfinished += 1
            needs_thread = self._threads < min(self._count, self._unfinished)
            self._threads += needs_thread
        if needs_thread:
            self._start_thread()
        job: Future[T] = Future()
        self._queue.put((work, job))
        return job

    async def answer(self, work: Callable[[S], T], seconds: float) -> T:
        """What `work` gives, or raises. Raises: Unavailable where it takes longer, or too much waits already."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self.submit(work)), seconds)
        except TimeoutError:
            raise Unavailable(f"the {self._name} threads lag behind") from None

    def close(self) -> None:
        """Ends each thread once it is idle; what is still queued is done first. Nothing is waited for."""
        with self._lock:
            count, self._threads, self._max_jobs = self._threads, self._count, 0
        for _ in range(count):
            self._queue.put(None)

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._run, name=f"{self._name}-{self._threads}", daemon=True).start()
        except (
            RuntimeError
        ) as error:  # The machine's or the unit's limit of tasks, which may soon have room again.
            with self._lock:
                self._threads -= 1
                self._unfinished -= 1
            raise Unavailable(f"no {self._name} thread can be started: {error}") from None

    def _run(self) -> None:
        state = self._new_state()
        while (entry := self._queue.get()) is not None:
            self._work(state, *entry)
            del entry  # Or the last result would be held until the next job.

    def _work(self, state: S, work: Callable[[S], Any], job: Future[Any]) -> None:
        try:
            if not job.set_running_or_notify_cancel():
                return
            try:
                result = work(state)
            except BaseException as error:  # noqa: BLE001 - whatever it was is the caller's, and the thread goes on
                job.set_exception(error)
            else:
                job.set_result(result)
        finally:
            with self._lock:
                self._unfinished -= 1
