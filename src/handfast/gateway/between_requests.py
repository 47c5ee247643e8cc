"""Between an answer and the next request: what a client sends ahead, what is left of a request nobody reads any more, and
a close that lets the answer arrive.

The second of the three rooms of a client's connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.gateway.client_stream import ClientStream
from handfast.gateway.phases import PauseFor, Phase
from handfast.gateway.wheel import NEVER
from handfast.protocols.errors import MalformedMessage

if TYPE_CHECKING:
    from handfast.gateway.model import ListenerModel
    from handfast.gateway.refusable import RefusableExchange
    from handfast.gateway.state import WorkerState

INBOX_BYTES = 64 * 1024
DRAIN_BYTES = 256 * 1024
"""A refused request's body is read up to this much, so that the connection can serve the next one."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 1024 * 1024


class BetweenRequests(ClientStream):
    """A client connection as far as one request ends and the next may begin."""

    __slots__ = ("_drained", "_queued", "_scanned", "_stays")

    def __init__(self, state: WorkerState, listener: ListenerModel, source: str) -> None:
        ClientStream.__init__(self, state, listener, source)
        self._drained = 0
        self._queued = False
        self._scanned = 0
        self._stays = True

    def finish(self, exchange: RefusableExchange, *, keep: bool) -> None:
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

    def body_done(self, rest: bytes) -> None:
        """The whole body is here: `rest` belongs to the next request, and no body timeout runs any more."""
        if self._exchange is None:
            self._keep_for_next(rest)
            return
        if self._is_writable and self._phase is Phase.EXCHANGE:
            self.deadline = NEVER
        if rest:
            self._keep_ahead(rest)

    def _keep_for_next(self, rest: bytes) -> None:
        """The request was answered before its last bytes had been looked at: what follows them is the next one."""
        if rest and self._phase is Phase.HEAD:
            self._keep_ahead(rest)
            if not self._queued:
                self._queue_reading()

    def _queue_reading(self) -> None:
        # Not at once: a client that pipelines must not grow the stack, nor keep others waiting.
        self._queued = True
        self.state.loop.call_soon(self._read_ahead)

    def _keep_ahead(self, data: bytes) -> None:
        self._inbox = self._inbox + data if self._inbox else data
        self._hold_full_inbox()

    def _hold_full_inbox(self) -> None:
        if len(self._inbox) > INBOX_BYTES:
            self.hold(PauseFor.INBOX, held=True)

    def resume_writing(self) -> None:
        """The client caught up. A request that it sent ahead begins only now: a client that sends and never reads would
        fill our memory with answers.
        """
        ClientStream.resume_writing(self)
        if self._phase is Phase.HEAD and self._inbox and not self._queued:
            self._queue_reading()

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
        self._queue_reading()

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

    def _read_ahead(self) -> None:
        """Reads what is here of the next request."""
        raise NotImplementedError
