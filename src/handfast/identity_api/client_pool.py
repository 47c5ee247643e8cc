"""Kept connections to identity: a bounded number of them, a bounded queue before them, a deadline on every call."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from handfast.identity.ports import Unavailable
from handfast.identity_api.client_connection import CallConnection

MAX_CONNECTIONS = 32
TRIES = 6
"""So many connections are tried for one process: a balancer may lead each new one to another."""
GONE_SECONDS = 10.0
"""So long a process that was not found is not looked for again: thousands of grants may be its."""
MAX_GONE = 64
MAX_WAITING = 1024
"""Beyond that a sign-in waits longer than a client would: it is told to come later at once."""
CALL_SECONDS = 5.0
IDENTITY_URN = "urn:handfast:identity"

P = TypeVar("P", bound=asyncio.Protocol)


class Address(Protocol):
    """Where identity is."""

    async def connect(self, factory: Callable[[], P]) -> P:
        """Raises: OSError (ssl.SSLError among them), Unavailable where the other end is not identity."""
        ...


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """Identity on this machine."""

    path: Path

    async def connect(self, factory: Callable[[], P]) -> P:
        """Raises: OSError."""
        _, protocol = await asyncio.get_running_loop().create_unix_connection(factory, str(self.path))
        return protocol


@dataclass(frozen=True, slots=True)
class TlsAddress:
    """Identity on another machine: `https://host:port` with the node's TLS context."""

    host: str
    port: int
    context: ssl.SSLContext

    @classmethod
    def parse(cls, url: str, context: ssl.SSLContext) -> TlsAddress:
        """Raises: ValueError where the URL is not `https://host:port`."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or not parts.port or parts.path.strip("/"):
            raise ValueError(f"{url!r} is not of the form https://host:port")
        return cls(parts.hostname, parts.port, context)

    async def connect(self, factory: Callable[[], P]) -> P:
        """Raises: OSError, Unavailable where the certificate is no identity's."""
        transport, protocol = await asyncio.get_running_loop().create_connection(
            factory, self.host, self.port, ssl=self.context, server_hostname=self.host
        )
        names = transport.get_extra_info("ssl_object").getpeercert().get("subjectAltName", ())
        if ("URI", IDENTITY_URN) not in names:
            transport.abort()
            raise Unavailable("the server's certificate is of the node CA, but not identity's")
        return protocol


class ProcessGone(Unavailable):
    """Other identity processes answer, and not the one that was meant. Nothing was done."""


class ConnectionPool:
    """Calls over kept connections; any failure is Unavailable, and none is retried: a call may have done its work.

    Behind a balancer connections lead to several identity processes. Which one is known from its answers.
    """

    def __init__(
        self,
        address: Address,
        *,
        max_connections: int = MAX_CONNECTIONS,
        max_waiting: int = MAX_WAITING,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._address = address
        self._max_connections = max_connections
        self._max_waiting = max_waiting
        self._call_seconds = call_seconds
        self._idle: list[CallConnection] = []
        self._all: set[CallConnection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._gone: dict[str, float] = {}
        self._is_closed = False

    async def call(self, request: bytes, *, process: str = "") -> tuple[int, bytes]:
        """(status, body). With `process` the answer is that one's, and the request must be one that any other refuses
        without having done anything. Raises: Unavailable (ProcessGone where only others answer).
        """
        try:
            async with asyncio.timeout(self._call_seconds):
                if process:
                    return await self._call_process(request, process)
                status, body, _ = await self._call_any(request)
                return status, body
        except TimeoutError:
            raise Unavailable(f"identity did not answer within {self._call_seconds:g} s") from None
        except OSError as error:
            raise Unavailable(f"identity can't be reached: {error}") from error

    async def _call_any(self, request: bytes, process: str = "") -> tuple[int, bytes, str]:
        """(status, body, who answered): over a connection to `process`, or a new one. Raises: Unavailable, OSError."""
        connection = await self._take(process)
        try:
            status, body = await connection.call(request)
        except BaseException:
            connection.abort()
            raise
        self._give_back(connection)
        return status, body, connection.process

    async def _call_process(self, request: bytes, process: str) -> tuple[int, bytes]:
        """Raises: ProcessGone, Unavailable, OSError."""
        for _ in range(TRIES):
            status, body, answering = await self._call_any(request, process)
            if answering == process:
                self._gone.pop(process, None)
                return status, body
        if len(self._gone) >= MAX_GONE:
            self._gone.clear()
        self._gone[process] = asyncio.get_running_loop().time() + GONE_SECONDS
        raise ProcessGone("other identity processes answer, and not the one that is meant")

    def leave(self, process: str) -> None:
        """No call goes to that process any more over a connection that is kept: new ones no longer lead to it."""
        for connection in [one for one in self._all if one.process == process]:
            if connection in self._idle:
                self._idle.remove(connection)
                connection.abort()
            else:
                connection.is_retired = True

    def close(self) -> None:
        """Cuts every connection; calls in progress end as Unavailable."""
        self._is_closed = True
        for connection in list(self._all):
            connection.abort()
        self._wake_next()

    async def _take(self, process: str) -> CallConnection:
        """An idle connection (to `process`, if that is given), or a new one."""
        while True:
            if self._is_closed:
                raise Unavailable("the link to identity is closed")
            connection = self._find_idle(process)
            if connection is not None:
                return connection
            # Perhaps another call has looked for it while this one waited.
            if process and self._is_gone(process):
                self._wake_next()
                raise ProcessGone("the identity process that is meant was not found lately")
            if len(self._all) + self._connecting < self._max_connections:
                return await self._connect()
            if self._idle:  # Full of connections to others, where one may make room.
                spare = self._idle.pop(0)
                spare.abort()
                self._lost(spare)
            else:
                await self._wait()

    def _is_gone(self, process: str) -> bool:
        now = asyncio.get_running_loop().time()
        is_known = any(connection.process == process for connection in self._all)
        return not is_known and now < self._gone.get(process, now)

    def _find_idle(self, process: str) -> CallConnection | None:
        """The youngest that is open."""
        for connection in reversed(self._idle):
            if connection.is_open and process in ("", connection.process):
                self._idle.remove(connection)
                return connection
        return None

    async def _connect(self) -> CallConnection:
        self._connecting += 1
        try:
            connection = await self._address.connect(lambda: CallConnection(self._lost))
        except BaseException:
            self._connecting -= 1
            self._wake_next()
            raise
        self._connecting -= 1
        if connection.is_open:
            self._all.add(connection)
            return connection
        self._wake_next()
        raise Unavailable("identity closed the connection at once")

    async def _wait(self) -> None:
        if len(self._waiting) >= self._max_waiting:
            raise Unavailable("too many calls wait for identity")
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            # Woken and cancelled at once: the turn goes to the next one.
            if turn.done() and not turn.cancelled():
                self._wake_next()
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _give_back(self, connection: CallConnection) -> None:
        if connection.is_retired:
            connection.abort()
        elif connection.is_open:
            self._idle.append(connection)
        self._wake_next()

    def _lost(self, connection: CallConnection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._wake_next()

    def _wake_next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
