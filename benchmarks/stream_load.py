"""Listens to many streaming answers at once, a process of its own: `python -m benchmarks.stream_load`, its task as
`benchmarks.load` takes it.

Once each connection has heard something it prints "ready", waits for a line, listens for the task's seconds, and prints how
many envelopes came and how long they took: from the back end's write call to our read. That holds all three processes and the
kernel between them, each waiting for its turn on the processor; a subject without any proxy says how much of it is not the proxy's.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from benchmarks.load import Task, begin, build_request, open_all, run
from benchmarks.notifications import take_notifications
from benchmarks.results import percentile

_PATIENCE_SECONDS = 30


class Listeners:
    """What all connections heard."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.delays: list[int] = []
        self.all_heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def heard_first(self) -> None:
        """A connection has its first envelope."""
        self.expected -= 1
        if self.expected == 0:
            self.all_heard.set_result(None)

    def fail(self, why: str) -> None:
        """An answer is none, or ended."""
        if not self.failed.done():
            self.failed.set_exception(RuntimeError(why))

    async def wait(self, what: asyncio.Future[None], seconds: float) -> None:
        """Returns when `what` is done, or after `seconds`. Raises: RuntimeError where a connection failed."""
        await asyncio.wait({what, self.failed}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self.failed.done():
            self.failed.result()


class Listener(asyncio.Protocol):
    """One streaming answer."""

    def __init__(self, listeners: Listeners, request: bytes) -> None:
        self.listeners = listeners
        self.request = request
        self.buffer = bytearray()
        self.has_heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self.request)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self.buffer += data
        if not self.has_heard and not self.buffer.startswith(b"HTTP/1.1 200 "):
            self.listeners.fail(f"a stream was answered {bytes(self.buffer[:300])!r}")
            return
        written = take_notifications(self.buffer)
        self.listeners.delays += [now - each for each in written]
        if written and not self.has_heard:
            self.has_heard = True
            self.listeners.heard_first()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.listeners.fail("a stream ended")


async def listen(task: Task) -> dict[str, float]:
    """Does the task. Raises: RuntimeError where an answer is none, ends, or does not begin in time."""
    listeners = Listeners(task.connections)
    request = build_request(task, task.authorization)
    await open_all(task, lambda: Listener(listeners, request))
    await listeners.wait(listeners.all_heard, _PATIENCE_SECONDS)
    if not listeners.all_heard.done():
        raise RuntimeError(f"{listeners.expected} of {task.connections} streams said nothing")
    await begin()
    listeners.delays.clear()
    await listeners.wait(asyncio.get_running_loop().create_future(), task.seconds)
    delays = listeners.delays
    return {
        "chunks": len(delays),
        "p50": percentile(delays, 0.5) / 1e6,
        "p99": percentile(delays, 0.99) / 1e6,
    }


if __name__ == "__main__":
    run(listen)
