"""An HTTP/1.1 server on one socket: whole requests in, answers out, whole or in chunks. Source: RFC 9112.

What it answers with is its site's business. A client that leaves while its answer is awaited, or still streams, is
noticed, and the work for it ends.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from handfast.lab.http_message import (
    BadMessage,
    Request,
    may_have_body,
    read_body,
    read_head,
    render_head,
)
from handfast.lab.reply import Answer, FinishedReply, Reply, StreamedReply
from handfast.lab.wire import Wire

_PHRASES = {
    200: "OK",
    206: "Partial Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    449: "Retry after sending a PROVISION command",
    451: "Redirect",
    500: "Internal Server Error",
    501: "Not Implemented",
}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, and what is still to be done to it once it is there."""

    answer: Answer
    finish: Callable[[FinishedReply], FinishedReply]


class Site(Protocol):
    """Who answers."""

    def respond(self, request: Request) -> Response: ...

    def respond_to_nonsense(self, peer: str, problem: str) -> Reply: ...


class HttpServer:
    """Listens on `host` and `port` (0: any free one), with TLS where a context is given. Lives in one event loop."""

    def __init__(self, site: Site, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._site = site
        self._host = host
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self.port = port
        self.hanging = 0

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    async def start(self) -> None:
        """Raises: OSError where the address is taken."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends every connection at once and stops listening."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        wire = Wire(reader, writer)
        peer = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        try:
            while await self._exchange(wire, peer):
                pass
        except (EOFError, OSError, asyncio.CancelledError):
            pass  # The peer left or the server stops: either way this connection is over.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, wire: Wire, peer: str) -> bool:
        """One request and its answer; whether another may follow."""
        try:
            request, keep = await _read_request(wire, peer)
        except BadMessage as error:
            await self._send(wire, "", self._site.respond_to_nonsense(peer, str(error)), keep=False)
            return False
        response = self._site.respond(request)
        answer = response.answer
        reply = await self._unless_left(answer, wire) if isinstance(answer, Coroutine) else answer
        if reply is None:
            return False
        return await self._send(wire, request.method, response.finish(reply), keep=keep) and keep

    async def _unless_left(self, work: Coroutine[Any, Any, _T], wire: Wire) -> _T | None:
        """Does the work, and stops when the client closes: nobody would read the answer."""
        loop = asyncio.get_running_loop()
        hanging, leaving = loop.create_task(work), loop.create_task(wire.closed())
        self.hanging += 1
        try:
            await asyncio.wait((hanging, leaving), return_when=asyncio.FIRST_COMPLETED)
            return hanging.result() if hanging.done() else None
        finally:
            self.hanging -= 1
            hanging.cancel()
            leaving.cancel()
            await asyncio.gather(hanging, leaving, return_exceptions=True)

    async def _send(self, wire: Wire, method: str, reply: FinishedReply, *, keep: bool) -> bool:
        """Whether the whole answer went out."""
        head = _head(reply, keep=keep)
        if isinstance(reply, StreamedReply):
            await wire.send(head)
            return bool(await self._unless_left(_stream(wire, reply.chunks), wire))
        await wire.send(head + (reply.body if may_have_body(method, reply.status) else b""))
        return True


async def _read_request(wire: Wire, peer: str) -> tuple[Request, bool]:
    """A request, and whether its connection is to be kept. Raises: EOFError, BadMessage."""
    start_line, headers = await read_head(wire)
    parts = start_line.split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.0", "HTTP/1.1") or not parts[1].startswith("/"):
        raise BadMessage(f"request line {start_line[:60]!a}")
    if headers.get("Expect").lower() == "100-continue":
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await read_body(wire, headers)
    keep = parts[2] == "HTTP/1.1" and headers.get("Connection").lower() != "close"
    return Request(parts[0], parts[1], headers, body, peer), keep


def _head(reply: FinishedReply, *, keep: bool) -> bytes:
    fields = list(reply.headers)
    if isinstance(reply, StreamedReply):
        fields.append(("Transfer-Encoding", "chunked"))
    else:
        fields.append(("Content-Length", str(len(reply.body))))
    if reply.content_type:
        fields.append(("Content-Type", reply.content_type))
    if not keep:
        fields.append(("Connection", "close"))
    return render_head(f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Answer')}", fields)


async def _stream(wire: Wire, chunks: AsyncIterator[bytes]) -> bool:
    """Each piece leaves as one chunk, at once."""
    async for piece in chunks:
        if piece:
            await wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    await wire.send(b"0\r\n\r\n")
    return True
