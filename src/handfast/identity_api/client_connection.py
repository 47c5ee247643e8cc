"""A gateway's end of one connection to identity: one call at a time, or the revocation stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from handfast.identity.ports import Unavailable
from handfast.identity_api.wire import LineReader, MessageReader, parse_status_line
from handfast.protocols.errors import MalformedMessage


class CallConnection(asyncio.Protocol):
    """One kept connection. `on_lost` is called once, whether a call was in progress or not.

    `process` is who answered on it last; "" before the first answer.
    """

    def __init__(self, on_lost: Callable[[CallConnection], None]) -> None:
        self._on_lost = on_lost
        self.process = ""
        self.is_retired = False
        self._reader = MessageReader()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands (TLS is done)."""
        # A cast, not a check: uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; bytes nobody asked for end the connection."""
        try:
            self._reader.feed(data)
            message = self._reader.next_message()
            if message is None:
                return
            status = parse_status_line(message[0])
        except MalformedMessage:
            self.abort()
            return
        answer, self._answer = self._answer, None
        self.process = self._reader.sender
        if answer is None or self._reader.is_stream:
            self.abort()
        elif not answer.done():
            answer.set_result((status, message[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for an answer hears that there will be none."""
        del exc
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unavailable("identity closed the connection"))
        self._on_lost(self)

    @property
    def is_open(self) -> bool:
        """True while a call can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def peer_names(self) -> tuple[object, ...]:
        """SAN entries of the certificate identity showed, as `ssl` gives them; none on a Unix socket."""
        tls = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        certificate = {} if tls is None else tls.getpeercert()
        return tuple(certificate.get("subjectAltName", ()))

    def call(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """(status, body) to come. Raises: Unavailable where the connection is lost already."""
        if self._transport is None or self._answer is not None:
            raise Unavailable("the connection to identity is lost")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def abort(self) -> None:
        """Cuts the connection; an answer still to come would be taken for the next one's."""
        if self._transport is not None:
            self._transport.abort()


class StreamConnection(asyncio.Protocol):
    """The connection that carries the revocation stream. Raises: Unavailable from `next_line` once it has ended."""

    def __init__(self) -> None:
        self._head = MessageReader()
        self._lines = LineReader()
        self._ready: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._problem: str | None = None
        self._is_streaming = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands (TLS is done)."""
        # A cast, not a check: uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        """Asks for the stream."""
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """The head once, then chunks of lines."""
        try:
            if not self._is_streaming:
                self._head.feed(data)
                if not self._read_head():
                    return
                data = self._head.take_rest()
            self._ready.extend(self._lines.feed(data))
        except (MalformedMessage, EOFError) as problem:
            self._end(f"the revocation stream broke: {problem}")
            return
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is over."""
        self._end(f"the revocation stream ended: {exc}" if exc else "the revocation stream ended")

    async def next_line(self, silence_seconds: float) -> bytes:
        """The next line. Raises: Unavailable after so much silence, or at the end."""
        if not self._ready and self._problem is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiter, silence_seconds)
            except TimeoutError:
                raise Unavailable(f"identity is silent for {silence_seconds:g} s") from None
        if self._ready:
            return self._ready.popleft()
        raise Unavailable(self._problem or "the revocation stream ended")

    def abort(self) -> None:
        """Cuts the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _read_head(self) -> bool:
        message = self._head.next_message()
        if message is None:
            return False
        status = parse_status_line(message[0])
        if status != 200 or not self._head.is_stream:
            self._end(f"identity refused the revocation stream ({status})")
            return False
        self._is_streaming = True
        return True

    def _end(self, problem: str) -> None:
        self._problem = self._problem or problem
        self.abort()
        self._wake()

    def _wake(self) -> None:
        has_news = self._ready or self._problem is not None
        if has_news and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
