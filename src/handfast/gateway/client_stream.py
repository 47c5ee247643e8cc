"""A client's connection as a stream of bytes: reading held and let go, writing with backpressure, one deadline.

The first of the three rooms of a client's connection; where one request ends and another begins is `between_requests`', what
the bytes mean `downstream`'s.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from handfast.gateway.phases import PauseFor, Phase
from handfast.gateway.wheel import NEVER
from handfast.gateway.writing import write_parts

if TYPE_CHECKING:
    from handfast.gateway.exchange import Exchange
    from handfast.gateway.model import ListenerModel
    from handfast.gateway.state import WorkerState

WRITE_HIGH_WATER_BYTES = 256 * 1024


class ClientStream(asyncio.Protocol):
    """The transport of one client connection, its pauses and its deadline."""

    __slots__ = (
        "_exchange",
        "_inbox",
        "_is_writable",
        "_paused",
        "_phase",
        "_unsent",
        "deadline",
        "listener",
        "source",
        "state",
        "transport",
        "wheel_slot",
    )

    def __init__(self, state: WorkerState, listener: ListenerModel, source: str) -> None:
        self.state = state
        self.listener = listener
        self.source = source
        self.transport: asyncio.Transport | None = None
        self.deadline = NEVER
        self.wheel_slot = 0
        self._phase = Phase.HEAD
        self._inbox = b""
        self._exchange: Exchange | None = None
        self._paused = 0
        self._is_writable = True
        self._unsent = 0

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

    def channel_binding(self) -> bytes:
        """The application data of the binding for the certificate this connection was shown, b"" without TLS."""
        if self.listener.tls is None or self.transport is None:
            return b""
        shown = self.transport.get_extra_info("ssl_object")
        return self.listener.tls.binding_of(shown if isinstance(shown, ssl.SSLObject) else None)

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

    def close(self) -> None:
        """Closes after what is written has gone out."""
        self._phase = Phase.CLOSED if self._exchange is None else self._phase
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Closes at once, so that nobody can take what was sent for a whole answer."""
        if self.transport is not None:
            self.transport.abort()

    def await_body(self) -> None:
        """The head is understood and a body has to come."""
        self._watch(self.listener.config.body_timeout_seconds)

    def _still_takes(self) -> bool:
        """Whether a slow client has taken anything since its last deadline; it gets another one then."""
        unsent = self._buffered()
        if unsent >= self._unsent:
            return False
        self._unsent = unsent
        self._watch(self.listener.config.write_timeout_seconds)
        return True

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

    def on_deadline(self, now: float) -> None:
        """A deadline has passed (the wheel's call)."""
        raise NotImplementedError
