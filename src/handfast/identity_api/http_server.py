"""One connection of a client of identity: reads requests in turn, has each answered, writes the answers in order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Protocol, cast

from handfast.identity_api.fields import encode_object
from handfast.identity_api.wire import (
    MAX_BODY_BYTES,
    STREAM_HEAD,
    Answer,
    MessageReader,
    Request,
    encode_answer,
    encode_chunk,
    parse_request_line,
)
from handfast.observability.logging import event_log
from handfast.protocols.errors import MalformedMessage

MAX_UNSENT_BYTES = 4 * 1024 * 1024
"""A stream's reader that is so far behind is cut off; it comes back and asks what it missed."""

_LOG = event_log("identity-api")


class ConnectionHandler(Protocol):
    """What a server does with its connections. None of the calls may raise for anything a client did."""

    async def admit(self, connection: HttpConnection) -> bool:
        """Before the first request is read; False closes the connection."""
        ...

    async def answer(self, request: Request, connection: HttpConnection) -> Answer | None:
        """The answer, or None where the handler made the connection a stream."""
        ...

    def closed(self, connection: HttpConnection) -> None: ...


class HttpConnection(asyncio.Protocol):
    """A server's end of one connection. `tasks` holds what is being answered, so that a stop can wait for it; `process` is
    the name that each answer carries.
    """

    def __init__(
        self,
        handler: ConnectionHandler,
        tasks: set[asyncio.Task[None]],
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        process: str = "",
    ) -> None:
        self._process = process
        self._handler = handler
        self._tasks = tasks
        self._reader = MessageReader(max_body_bytes)
        self._transport: asyncio.Transport | None = None
        self._is_busy = True
        self._is_stream = False
        self.is_admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks the handler whether this client may speak at all."""
        # A cast, not a check: uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._start(self._admit())

    def data_received(self, data: bytes) -> None:
        """Takes bytes; what comes while a request is answered waits, up to the size of one message."""
        if self._is_stream:
            return
        try:
            self._reader.feed(data)
        except MalformedMessage as problem:
            self._refuse(problem)
            return
        if not self._is_busy:
            self._next()

    def eof_received(self) -> bool:
        """A half-closed client gets nothing more: ours never half-close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The handler hears of it once; what is being answered runs to its end, because it may be a change."""
        del exc
        self._transport = None
        self._handler.closed(self)

    @property
    def is_open(self) -> bool:
        """False once the connection is lost or cut."""
        return self._transport is not None and not self._transport.is_closing()

    def peer(self, what: str) -> object:
        """What the transport knows of its peer, e.g. "socket", "ssl_object", "peername"; None once it is lost."""
        return None if self._transport is None else self._transport.get_extra_info(what)

    def abort(self) -> None:
        """Cuts the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def start_stream(self) -> None:
        """From here on the connection carries lines, and reads nothing any more."""
        self._is_stream = True
        if self._transport is not None:
            self._transport.write(STREAM_HEAD)

    def write_line(self, line: bytes) -> None:
        """Sends one line of the stream, or cuts a reader that does not keep up."""
        if self._transport is None:
            return
        self._transport.write(encode_chunk(line))
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()

    async def _admit(self) -> None:
        try:
            admitted = await self._handler.admit(self)
        except Exception as error:  # noqa: BLE001 - fail closed: whoever can't be checked does not come in
            _LOG.error("admission-failed", error=repr(error))
            admitted = False
        self._is_busy = False
        self.is_admitted = admitted
        if admitted:
            self._next()
        else:
            self.abort()

    def _next(self) -> None:
        """Begins on the next request, if one is whole."""
        try:
            message = self._reader.next_message()
            if message is None:
                return
            method, path, query = parse_request_line(message[0])
        except MalformedMessage as problem:
            self._refuse(problem)
            return
        if self._reader.is_stream:
            self._refuse(MalformedMessage("identity-api", "Transfer-Encoding", "not in a request"))
            return
        self._is_busy = True
        self._start(self._answer(Request(method, path, query, message[1])))

    async def _answer(self, request: Request) -> None:
        try:
            answer = await self._handler.answer(request, self)
        except Exception as error:  # noqa: BLE001 - fail closed: one request's fault must not leave its asker waiting
            _LOG.error("call-failed", path=request.path, error=repr(error))
            answer = Answer(500, encode_object({"error": "internal"}))
        self._is_busy = False
        if answer is None or self._transport is None:
            return
        self._transport.write(encode_answer(answer, sender=self._process))
        if self._transport.is_closing():
            return
        self._next()

    def _refuse(self, problem: MalformedMessage) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        body = encode_object({"error": "malformed", "message": str(problem)})
        self._transport.write(encode_answer(Answer(400, body), close=True))
        self._transport.close()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
