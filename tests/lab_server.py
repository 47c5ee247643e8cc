"""Servers of asyncio in a thread of their own, for tests whose client is a program or blocks.

with lab_server() as server:
    ... server.url ...
    assert server.requests(device_id="PHONE1")
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handfast.lab.exchange import SimulatedExchange
from tests.fakes.gateway_peers import BackendPeer, RawBackend
from tests.servers.processes import server_directory, whole_lines


@dataclass
class LabServer:
    """A running simulated Exchange; its own objects live in the thread's loop and are touched only there."""

    exchange: SimulatedExchange
    loop: asyncio.AbstractEventLoop = field(repr=False)
    log_path: Path

    @property
    def url(self) -> str:
        """Scheme, address and port."""
        return self.exchange.url

    @property
    def hanging(self) -> int:
        """How many requests wait for their answer now; one whose client has left counts until the server notices."""
        return self.exchange.hanging

    def deliver(self, user: str, subject: str, body: str = "Hello.", **options: Any) -> None:
        """Puts a mail into a user's inbox; `options` as `SimulatedExchange.deliver_mail` has them."""
        self._call(self.exchange.deliver_mail, user, subject, body, **options)

    def set_password(self, user: str, password: str) -> None:
        """Changes the server's own password of a user."""
        self._call(self.exchange.set_password, user, password)

    def make_delegate(self, owner: str, delegate: str) -> None:
        """Lets one user open another's mailbox."""
        self._call(self.exchange.make_delegate, owner, delegate)

    @contextlib.contextmanager
    def redirecting(self, application: str, status: int, location: str) -> Iterator[None]:
        """Meanwhile that application sends everybody to `location`."""
        self._call(self.exchange.redirect, application, status, location)
        try:
            yield
        finally:
            self._call(self.exchange.stop_redirecting)

    @contextlib.contextmanager
    def redirecting_autodiscover(self, kind: str, target: str) -> Iterator[None]:
        """Meanwhile Autodiscover sends everybody to another address or URL."""
        self._call(self.exchange.redirect_autodiscover, kind, target)
        try:
            yield
        finally:
            self._call(self.exchange.stop_redirecting)

    def failed_sign_ins(self, user: str) -> int:
        """Wrong passwords of that user so far."""
        return self.exchange.failed_sign_ins[user]

    def requests(self, **wanted: object) -> list[dict[str, Any]]:
        """What reached the server so far, in order; with `wanted` only the lines with those values.

        A request is written down before it is answered or hangs.
        """
        lines = [json.loads(line) for line in whole_lines(self.log_path)]
        return [line for line in lines if all(line[name] == value for name, value in wanted.items())]

    def _call(self, action: Any, *arguments: object, **options: object) -> None:
        async def run() -> None:
            action(*arguments, **options)

        asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)


@dataclass(frozen=True)
class SeenRequest:
    """A request as its bytes arrived: the head with its names and values as sent, and the body without framing."""

    head: bytes
    body: bytes

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Header fields in order; names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines if line)]

    def values(self, name: str) -> list[str]:
        """Every value of that name (lower case)."""
        return [value for known, value in self.fields if known == name]


@dataclass
class RecordingServer:
    """A server that answers everything with 200 and `fields`, and keeps what it saw to the byte."""

    url: str
    seen: list[SeenRequest]


@contextlib.contextmanager
def recording_server(fields: bytes = b"") -> Iterator[RecordingServer]:
    """Runs one; `fields` are header lines, each with its line end, that every answer carries."""
    seen: list[SeenRequest] = []

    async def record(peer: BackendPeer) -> None:
        while True:
            head, body = await peer.read_request()
            seen.append(SeenRequest(head, body))
            await peer.answer(b"answer", head=fields)

    with loop_thread("recording server") as loop:
        backend = RawBackend(record)
        asyncio.run_coroutine_threadsafe(backend.__aenter__(), loop).result(10)
        try:
            yield RecordingServer(backend.url, seen)
        finally:
            asyncio.run_coroutine_threadsafe(backend.__aexit__(None, None, None), loop).result(10)


@contextlib.contextmanager
def loop_thread(name: str) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread until the block is left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def lab_server(**options: Any) -> Iterator[LabServer]:
    """Runs `SimulatedExchange(**options)` with a log of its own until the block is left."""
    with server_directory("lab") as folder:
        log_path = folder / "requests.log"
        exchange = SimulatedExchange(log_path=log_path, **options)
        with loop_thread("simulated Exchange") as loop:
            asyncio.run_coroutine_threadsafe(exchange.start(), loop).result(10)
            try:
                yield LabServer(exchange, loop, log_path)
            finally:
                asyncio.run_coroutine_threadsafe(exchange.stop(), loop).result(10)
