"""A client's connection: heads in, answers out, one request at a time.

Nothing is parsed while a request is under way: what a pipelining client sends ahead waits in a small inbox, and when
that is full the client is not read any more.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from handfast.decision.reasons import Reason
from handfast.gateway.credentials import NtlmConnection
from handfast.gateway.exchange import Exchange
from handfast.gateway.head_memory import HeadMemory, understand
from handfast.gateway.phases import PauseFor, Phase
from handfast.gateway.refusal import refusal_of
from handfast.gateway.wheel import NEVER
from handfast.gateway.writing import write_parts
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import HEAD_END, check_partial_head, parse_request_head

if TYPE_CHECKING:
    from handfast.gateway.acceptor import Admission
    from handfast.gateway.model import ListenerModel
    from handfast.gateway.sign_in import LastSignIn
    from handfast.gateway.state import WorkerState
    from handfast.protocols.http1.head import RequestHead

INBOX_BYTES = 64 * 1024
WRITE_HIGH_WATER_BYTES = 256 * 1024
DRAIN_BYTES = 256 * 1024
"""A refused request's body is read up to this much, so that the connection can serve the next one."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 1024 * 1024


class DownstreamConnection(asyncio.Protocol):
    """The protocol object of one client connection."""

    __slots__ = (
        "_admission",
        "_drained",
        "_exchange",
        "_inbox",
        "_is_writable",
        "_memory",
        "_paused",
        "_phase",
        "_queued",
        "_scanned",
        "_stays",
        "_unsent",
        "authenticated",
        "deadline",
        "listener",
        "ntlm",
        "source",
        "state",
        "transport",
        "wheel_slot",
    )

    def __init__(
        self, state: WorkerState, listener: ListenerModel, admission: Admission, source: str
    ) -> None:
        self.state = state
        self.listener = listener
        self.source = source
        self.transport: asyncio.Transport | None = None
        self.ntlm: NtlmConnection | None = None
        self.authenticated: LastSignIn | None = None
        self.deadline = NEVER
        self.wheel_slot = 0
        self._admission = admission
        self._phase = Phase.HEAD
        self._inbox = b""
        self._scanned = 0
        self._memory: HeadMemory | None = None
        self._exchange: Exchange | None = None
        self._paused = 0
        self._is_writable = True
        self._unsent = 0
        self._drained = 0
        self._stays = True
        self._queued = False

    @property
    def is_tls(self) -> bool:
        """True where the client's connection is encrypted up to us."""
        return self.listener.tls is not None

    @property
    def is_idle(self) -> bool:
        """True between requests, with nothing of the next one here."""
        return self._phase is Phase.HEAD and not self._inbox

    @property
    def owes_nothing(self) -> bool:
        """True once we have closed and all we had to say has left; only the client's own goodbye is missing."""
        transport = self.transport
        return self._phase is Phase.CLOSED and (transport is None or not transport.get_write_buffer_size())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection (and its TLS) stands."""
        # By cast: uvloop's TLS transport is none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        self.state.connections.add(self)
        if self.state.is_stopping:
            self.close()
            return
        self._watch(self.listener.config.head_timeout_seconds)

    def channel_binding(self) -> bytes:
        """The binding of the certificate this connection was shown, b"" without TLS."""
        if self.listener.tls is None or self.transport is None:
            return b""
        shown = self.transport.get_extra_info("ssl_object")
        return self.listener.tls.binding_of(shown if isinstance(shown, ssl.SSLObject) else None)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, of a body, or of what comes after."""
        phase = self._phase
        if phase is Phase.HEAD:
            is_first = not self._inbox
            self._inbox = self._inbox + data if self._inbox else data
            if not self._queued:
                self._read_head()
                if is_first:
                    self._await_head()
        elif phase is Phase.EXCHANGE or phase is Phase.DRAIN:
            self._read_body(data)
        elif phase is Phase.LINGER:
            self._drained += len(data)
            if self._drained > LINGER_BYTES:
                self.abort()

    def eof_received(self) -> bool:
        """The client will send no more. A refusal under way still reaches it; a forwarded request is given up."""
        if self._phase is Phase.EXCHANGE and self._exchange is not None and self._exchange.is_refused:
            self._stays = False
            return not self.is_tls
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client is gone."""
        self._phase = Phase.CLOSED
        self.deadline = NEVER
        self.transport = None
        self._inbox = b""
        self.ntlm = None
        self.authenticated = None
        if self._memory is not None:
            self._memory.forget()
        self.state.connections.discard(self)
        self._admission.leave()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_client_gone()

    def pause_writing(self) -> None:
        """The client takes its answer slower than it comes."""
        self._is_writable = False
        self._unsent = self._buffered()
        self._watch(self.listener.config.write_timeout_seconds)
        if self._exchange is not None:
            self._exchange.on_client_writable(writable=False)

    def resume_writing(self) -> None:
        """The client caught up."""
        self._is_writable = True
        self._rearm()
        if self._exchange is not None:
            self._exchange.on_client_writable(writable=True)

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        """A timeout: of the write, of the body, of the head, of the pause between requests."""
        if not self._is_writable:
            unsent = self._buffered()
            if unsent < self._unsent:
                self._unsent = unsent
                self._watch(self.listener.config.write_timeout_seconds)
                return
            self.abort()
        elif self._phase is Phase.HEAD and self._inbox:
            self._begin_refused(Reason.REQUEST_TIMEOUT)
        elif self._phase is Phase.EXCHANGE and self._exchange is not None:
            self._exchange.on_body_timeout()
        elif self._phase is Phase.HEAD:
            self.close()
        else:
            self.abort()

    def write(self, parts: Sequence[bytes]) -> None:
        """Sends parts of an answer."""
        transport = self.transport
        if transport is None:
            return
        if parts:
            write_parts(transport, parts)

    def hold(self, why: PauseFor, *, held: bool) -> None:
        """Stops reading the client for a reason, or lets it go on when no reason is left."""
        before = self._paused
        self._paused = before | why if held else before & ~why
        if bool(before) == bool(self._paused) or self.transport is None or self.transport.is_closing():
            return
        if self._paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
        if self._is_writable and self._phase is Phase.EXCHANGE:
            self._rearm()

    def hold_for_decision(self, *, held: bool) -> None:
        """Enough of a body is here while the decision is pending; or the decision came."""
        self.hold(PauseFor.DECISION, held=held)

    def hold_for_backend(self, *, held: bool) -> None:
        """The back end takes the body slower than it comes; or it caught up."""
        self.hold(PauseFor.BACKEND, held=held)

    def finish(self, exchange: Exchange, *, keep: bool) -> None:
        """The answer is written whole. The next request may come, once what is left of this one is out of the way."""
        if self._exchange is not exchange:
            return
        if not keep or not self._stays or self.state.is_stopping:
            self._linger(needs_reading=not exchange.body.is_done)
            return
        if exchange.body.is_done:
            self._next()
            return
        left = exchange.body.bytes_left
        if exchange.awaits_continue or (left is not None and left > DRAIN_BYTES):
            self._linger(needs_reading=True)
            return
        self._phase = Phase.DRAIN
        self._drained = 0
        self.hold(PauseFor.BACKEND, held=False)
        self.hold(PauseFor.DECISION, held=False)
        self._watch(self.listener.config.body_timeout_seconds)

    def close(self) -> None:
        """Closes after what is written has gone out."""
        self._phase = Phase.CLOSED if self._exchange is None else self._phase
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Closes at once, so that nobody can take what was sent for a whole answer."""
        if self.transport is not None:
            self.transport.abort()

    def drain_for_stop(self) -> None:
        """The worker stops: idle connections end now, the others after their answer."""
        self._stays = False
        if self.is_idle:
            self.close()

    def cut_for_stop(self) -> None:
        """The deadline of the stop has come: what still runs is told so, or cut off where its answer began."""
        if self._exchange is not None:
            self._exchange.cut(Reason.SHUTTING_DOWN)
        else:
            self.abort()

    def _read_head(self) -> None:
        data = self._inbox
        limit = self.listener.config.max_head_bytes
        start = 2 if data.startswith(b"\r\n") else 0
        end = data.find(HEAD_END, max(start, self._scanned - 3))
        head: RequestHead | None = None
        try:
            if end < 0 or end + 4 > limit:
                if len(data) > limit:
                    raise MalformedMessage("http", "head", f"longer than {limit} bytes", status=431)  # noqa: TRY301
                check_partial_head(data, self._scanned)
                self._scanned = len(data)
                return
            block = data[: end + 4]
            memory = self._memory
            if memory is None:
                memory = self._memory = HeadMemory(self.state.wheel)
            understood = memory.find(block)
            if understood is None:
                head = parse_request_head(block)
                understood = understand(head)
                memory.keep(block, understood, self.state.loop.time())
        except MalformedMessage as fault:
            # Nobody knows where this request ends, so nothing after it can be read.
            self._inbox = b""
            self._begin_malformed(fault, head)
            return
        self._inbox, self._scanned = b"", 0
        self._phase = Phase.EXCHANGE
        exchange = self._exchange = Exchange(self)
        exchange.start(understood, data[end + 4 :])

    def _await_head(self) -> None:
        """A head has begun and is not complete: its time runs from its first byte."""
        if self._inbox and self._phase is Phase.HEAD and not self._queued:
            self._watch(self.listener.config.head_timeout_seconds)

    def _begin_malformed(self, fault: MalformedMessage, head: RequestHead | None) -> None:
        self._phase = Phase.EXCHANGE
        self._stays = False
        exchange = self._exchange = Exchange(self)
        exchange.refuse_head(refusal_of(fault), head)

    def _begin_refused(self, reason: Reason) -> None:
        self._inbox = b""
        self._phase = Phase.EXCHANGE
        self._stays = False
        exchange = self._exchange = Exchange(self)
        exchange.refuse(reason, at_once=True)

    def _read_body(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        body = exchange.body
        if body.is_done:
            self._keep_ahead(data)
            return
        if self._phase is Phase.DRAIN:
            self._drain(data)
            return
        if self._is_writable:
            self._watch(self.listener.config.body_timeout_seconds)
        if exchange.on_body_data(data):
            self.body_done(exchange.body.rest)

    def body_done(self, rest: bytes) -> None:
        """The whole body is here: `rest` belongs to the next request, and no body timeout runs any more."""
        if self._exchange is None:
            return
        if self._is_writable and self._phase is Phase.EXCHANGE:
            self.deadline = NEVER
        if rest:
            self._keep_ahead(rest)

    def await_body(self) -> None:
        """The head is understood and a body has to come."""
        self._watch(self.listener.config.body_timeout_seconds)

    def _keep_ahead(self, data: bytes) -> None:
        self._inbox = self._inbox + data if self._inbox else data
        if len(self._inbox) > INBOX_BYTES:
            self.hold(PauseFor.INBOX, held=True)

    def _drain(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        self._drained += len(data)
        try:
            exchange.body.feed(data)
        except MalformedMessage:
            self.abort()
            return
        if exchange.body.is_done:
            self.body_done(exchange.body.rest)
            self._next()
        elif self._drained > DRAIN_BYTES:
            self._linger(needs_reading=True)

    def _next(self) -> None:
        """Ready for the next request, which may be here already."""
        self._exchange = None
        self._phase = Phase.HEAD
        self._scanned = 0
        if self._paused:
            self.hold(PauseFor.BACKEND, held=False)
            self.hold(PauseFor.DECISION, held=False)
        if not self._inbox:
            if self._is_writable:
                self._watch(self.listener.config.idle_timeout_seconds)
            return
        # Not at once: a client that pipelines must not grow the stack, nor keep others waiting.
        self._queued = True
        self.state.loop.call_soon(self._read_ahead)

    def _read_ahead(self) -> None:
        self._queued = False
        if self._phase is not Phase.HEAD or self.transport is None:
            return
        self._read_head()
        self._await_head()
        if self._paused and len(self._inbox) <= INBOX_BYTES:
            self.hold(PauseFor.INBOX, held=False)

    def _linger(self, *, needs_reading: bool) -> None:
        """Closes so that the answer arrives: bytes left unread would turn the close into a reset."""
        self._exchange = None
        self._inbox = b""
        transport = self.transport
        if transport is None:
            return
        if not needs_reading:
            self._phase = Phase.CLOSED
            transport.close()
            return
        self._phase = Phase.LINGER
        self._drained = 0
        for why in PauseFor:
            self.hold(why, held=False)
        if transport.can_write_eof():
            transport.write_eof()
        self.state.wheel.watch(self, self.state.loop.time() + LINGER_SECONDS)

    def _rearm(self) -> None:
        """Sets the timeout that fits once writing is possible again."""
        if self._phase is Phase.EXCHANGE and self._exchange is not None:
            if self._exchange.body.is_done or self._paused:
                self.deadline = NEVER
            else:
                self._watch(self.listener.config.body_timeout_seconds)
        elif self._phase is Phase.HEAD:
            self._watch(self.listener.config.idle_timeout_seconds)

    def _buffered(self) -> int:
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def _watch(self, seconds: float) -> None:
        self.state.wheel.watch(self, self.state.loop.time() + seconds)
