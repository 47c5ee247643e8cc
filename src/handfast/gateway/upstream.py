"""One connection to a back end. It carries one request at a time, and one account for its whole life.

It reads the answer's framing and nothing of its meaning; what the answer may say to the client is `exchange`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import IntFlag
from typing import TYPE_CHECKING, Protocol, cast

from handfast.gateway.wheel import NEVER
from handfast.gateway.writing import write_parts
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.chunked import ChunkedDecoder
from handfast.protocols.http1.framing import (
    Chunked,
    ContentLength,
    NoBody,
    ResponseFraming,
    UntilClose,
    response_body_framing,
)
from handfast.protocols.http1.head import HEAD_END, ResponseHead, parse_response_head

if TYPE_CHECKING:
    from handfast.gateway.pool import Backend, BackendPool
    from handfast.identity.records import AccountId

MAX_ANSWER_HEAD_BYTES = 64 * 1024
NEVER_SIGNED_IN = float("-inf")
WRITE_HIGH_WATER_BYTES = 256 * 1024


class HoldFor(IntFlag):
    """Why an answer is not read at the moment. It goes on when no reason is left."""

    CLIENT = 1
    PROOF = 2


class AnswerSink(Protocol):
    """Who waits for an answer. After `on_answer_end` or `on_upstream_lost` nothing more comes."""

    method: bytes

    def on_answer(
        self, head: ResponseHead, framing: ResponseFraming, pieces: list[bytes], *, is_done: bool
    ) -> None:
        """The head, and what of the body came with it."""
        ...

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None: ...

    def on_upstream_lost(self, fault: MalformedMessage | None, *, timed_out: bool) -> None:
        """The connection ended before the answer did; `fault` where the back end broke HTTP."""
        ...

    def on_upstream_writable(self, *, writable: bool) -> None:
        """The request body should pause, or may go on."""
        ...


class UpstreamConnection(asyncio.Protocol):
    """The protocol object of one back-end connection."""

    __slots__ = (
        "_buffer",
        "_decoder",
        "_framing",
        "_has_heard",
        "_holds",
        "_left",
        "_reusable",
        "_sink",
        "_timeout",
        "account_id",
        "backend",
        "deadline",
        "is_closed",
        "kept_at",
        "pool",
        "signed_in_at",
        "transport",
        "wheel_slot",
    )

    def __init__(self, pool: BackendPool, backend: Backend, account_id: AccountId | None) -> None:
        self.pool = pool
        self.backend = backend
        self.account_id = account_id
        self.transport: asyncio.Transport | None = None
        self.deadline = NEVER
        self.wheel_slot = 0
        self.is_closed = False
        self.kept_at = 0.0  # loop time since which it is idle; stays when it serves again
        self.signed_in_at = (
            NEVER_SIGNED_IN  # loop time of the ticket that every later request on it stands on
        )
        self._sink: AnswerSink | None = None
        self._buffer = b""
        self._framing: ResponseFraming | None = None
        self._decoder: ChunkedDecoder | None = None
        self._left = 0
        self._reusable = False
        self._holds = 0
        self._has_heard = False
        self._timeout = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection (and its TLS) stands."""
        # By cast: uvloop's TLS transport is none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)

    def begin(self, sink: AnswerSink, parts: Sequence[bytes], answer_timeout: float) -> None:
        """Sends a request head (and what there is of its body) and waits for the answer on behalf of `sink`."""
        assert self.transport is not None
        self._sink = sink
        self._framing = None
        self._buffer = b""
        self._reusable = True
        self._has_heard = False
        self._timeout = answer_timeout
        self.pool.wheel.watch(self, self.pool.now() + answer_timeout)
        self.send(parts)

    @property
    def is_open(self) -> bool:
        """True while a request may be sent on it."""
        return not self.is_closed and self.transport is not None and not self.transport.is_closing()

    def answer_to(self, sink: AnswerSink) -> None:
        """The answer that is under way goes to `sink` from here on, and comes as fast as that takes it."""
        if self._sink is not None:
            self._sink = sink
            self.hold(HoldFor.PROOF, held=False)

    def send(self, parts: Sequence[bytes]) -> None:
        """More of the request body, framed already."""
        transport = self.transport
        if transport is None or self.is_closed:
            return
        write_parts(transport, parts)

    def hold(self, why: int = HoldFor.CLIENT, *, held: bool) -> None:
        """Stops reading the answer for a reason, or goes on when no reason is left."""
        transport, before = self.transport, self._holds
        self._holds = before | why if held else before & ~why
        if bool(before) is bool(self._holds) or transport is None or transport.is_closing():
            return
        if held:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def release(self) -> None:
        """The exchange is over and its request went out whole: the connection may serve its account again."""
        self._sink = None
        if (
            self._reusable
            and not self.is_closed
            and self.transport is not None
            and not self.transport.is_closing()
        ):
            if self._holds:
                self.hold(HoldFor.CLIENT | HoldFor.PROOF, held=False)
            self.pool.keep(self)
        else:
            self.close()

    def close(self) -> None:
        """Ends the connection at once; whatever is in flight on it is lost."""
        self._sink = None
        if self.is_closed:
            return
        self.is_closed = True
        self.deadline = NEVER
        self.pool.forget(self)
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; without a request in flight they are a fault and end the connection."""
        if self._sink is None:
            self.close()
            return
        try:
            if self._framing is None:
                self._read_head(self._buffer + data if self._buffer else data)
            else:
                self._read_body(data)
        except MalformedMessage as fault:
            self._lose(fault)

    def eof_received(self) -> bool:
        """The server closed its side: the end of an answer that is framed so, a loss for any other."""
        if self._sink is not None and isinstance(self._framing, UntilClose):
            sink, self._reusable = self._sink, False
            sink.on_answer_body([], is_done=True)
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection is gone."""
        was_closed, self.is_closed = self.is_closed, True
        self.deadline = NEVER
        sink, self._sink = self._sink, None
        if not was_closed:
            self.pool.forget(self)
            if sink is None or self._framing is None:
                self.backend.note_unanswered_close(self.kept_at, self.pool.now())
        self.transport = None
        if sink is not None:
            sink.on_upstream_lost(None, timed_out=False)

    def pause_writing(self) -> None:
        """The server takes the body slower than it comes."""
        if self._sink is not None:
            self._sink.on_upstream_writable(writable=False)

    def resume_writing(self) -> None:
        """The server caught up."""
        if self._sink is not None:
            self._sink.on_upstream_writable(writable=True)

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        """No answer in time, none that goes on, or idle for long enough."""
        if self._sink is None:
            self.close()
        elif self._has_heard:
            # A streamed answer lasts as long as something comes of it.
            self._has_heard = False
            self.pool.wheel.watch(self, self.pool.now() + self._timeout)
        else:
            self._lose(None, timed_out=True)

    def _read_head(self, data: bytes) -> None:
        end = data.find(HEAD_END)
        if end < 0 or end + 4 > MAX_ANSWER_HEAD_BYTES:
            if len(data) > MAX_ANSWER_HEAD_BYTES:
                raise MalformedMessage("http", "head", f"longer than {MAX_ANSWER_HEAD_BYTES} bytes")
            self._buffer = data
            return
        assert self._sink is not None
        head = parse_response_head(data[: end + 4])
        rest, self._buffer = data[end + 4 :], b""
        if head.status < 200:
            if head.status == 101:
                raise MalformedMessage(
                    "http", "status", "101 without an upgrade asked for", "RFC 9110 15.2.2"
                )
            # Interim answers are the hop's own affair: the client's 100 was sent by us, after the decision.
            if rest:
                self._read_head(rest)
            return
        framing = self._framing = response_body_framing(head, self._sink.method)
        self._reusable = head.version == 1 and not isinstance(framing, UntilClose) and not _closes(head)
        self._left = framing.length if isinstance(framing, ContentLength) else 0
        self._decoder = ChunkedDecoder() if isinstance(framing, Chunked) else None
        pieces, is_done = self._take(rest) if rest else ([], isinstance(framing, NoBody))
        self._sink.on_answer(head, framing, pieces, is_done=is_done)

    def _read_body(self, data: bytes) -> None:
        self._has_heard = True
        pieces, is_done = self._take(data)
        if self._sink is not None and (pieces or is_done):
            self._sink.on_answer_body(pieces, is_done=is_done)

    def _take(self, data: bytes) -> tuple[list[bytes], bool]:
        """The pieces of the body in `data`, and whether it ends here. Bytes beyond the end spoil the connection."""
        if self._decoder is not None:
            pieces = self._decoder.feed(data)
            if self._decoder.rest:
                self._reusable = False
            return pieces, self._decoder.is_done
        if isinstance(self._framing, UntilClose):
            return [data], False
        if len(data) > self._left:
            self._reusable = False
            data = data[: self._left]
        self._left -= len(data)
        return ([data] if data else []), not self._left

    def _lose(self, fault: MalformedMessage | None, *, timed_out: bool = False) -> None:
        sink = self._sink
        self.close()
        if sink is not None:
            sink.on_upstream_lost(fault, timed_out=timed_out)


def _closes(head: ResponseHead) -> bool:
    value = head.fields.get(b"connection")
    if value is None or value == b"keep-alive":
        return value is not None and len(head.fields) != len(head.headers) and _any_closes(head)
    return _any_closes(head)


def _any_closes(head: ResponseHead) -> bool:
    return any(b"close" in value.lower() for value in head.all(b"connection"))
