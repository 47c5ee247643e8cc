"""A client's connection: heads in, answers out, one request at a time.

Nothing is parsed while a request is under way: what a pipelining client sends ahead waits in a small inbox, and when
that is full the client is not read any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from handfast.decision.reasons import Reason
from handfast.gateway.between_requests import INBOX_BYTES, LINGER_BYTES, BetweenRequests
from handfast.gateway.credentials import ConnectionSignIn
from handfast.gateway.exchange import Exchange
from handfast.gateway.head_memory import HeadMemory, understand
from handfast.gateway.phases import PauseFor, Phase
from handfast.gateway.refusal import refusal_of
from handfast.gateway.wheel import NEVER
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import HEAD_END, check_partial_head, parse_request_head

if TYPE_CHECKING:
    from handfast.gateway.acceptor import Admission
    from handfast.gateway.model import ListenerModel
    from handfast.gateway.sign_in import LastSignIn
    from handfast.gateway.state import WorkerState
    from handfast.protocols.http1.head import RequestHead


class DownstreamConnection(BetweenRequests):
    """The protocol object of one client connection."""

    __slots__ = (
        "_admission",
        "_memory",
        "authenticated",
        "sign_in",
    )

    def __init__(
        self, state: WorkerState, listener: ListenerModel, admission: Admission, source: str
    ) -> None:
        BetweenRequests.__init__(self, state, listener, source)
        self.sign_in: ConnectionSignIn | None = None
        self.authenticated: LastSignIn | None = None
        self._admission = admission
        self._memory: HeadMemory | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection (and its TLS) stands."""
        BetweenRequests.connection_made(self, transport)
        self.state.connections.add(self)
        if self.state.is_stopping:
            self.close()
            return
        self._watch(self.listener.config.head_timeout_seconds)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, of a body, or of what comes after."""
        phase = self._phase
        if phase is Phase.HEAD:
            is_first = not self._inbox
            self._inbox = self._inbox + data if self._inbox else data
            if not self._is_writable:
                self._hold_full_inbox()
            elif not self._queued:
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
        """The client will send no more. A refusal under way still reaches it; a forwarded request is given up.

        So is one whose refusal is held as long as a server would have held its answer.
        """
        exchange = self._exchange
        if (
            self._phase is Phase.EXCHANGE
            and exchange is not None
            and exchange.is_refused
            and not exchange.is_held
        ):
            self._stays = False
            return not self.is_tls
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client is gone."""
        self._phase = Phase.CLOSED
        self.deadline = NEVER
        self.transport = None
        self._inbox = b""
        self.sign_in = None
        self.authenticated = None
        if self._memory is not None:
            self._memory.forget()
        self.state.connections.discard(self)
        self._admission.leave()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_client_gone()

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        """A timeout: of the write, of the body, of the head, of the pause between requests."""
        if not self._is_writable:
            if not self._still_takes():
                self.abort()
        elif self._phase is Phase.HEAD and self._inbox:
            self._begin_refused(Reason.REQUEST_TIMEOUT)
        elif self._phase is Phase.EXCHANGE and self._exchange is not None:
            self._exchange.on_body_timeout()
        elif self._phase is Phase.HEAD:
            self.close()
        else:
            self.abort()

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

    def _read_ahead(self) -> None:
        self._queued = False
        if self._phase is not Phase.HEAD or self.transport is None or not self._is_writable:
            return
        self._read_head()
        self._await_head()
        if self._paused and len(self._inbox) <= INBOX_BYTES:
            self.hold(PauseFor.INBOX, held=False)
