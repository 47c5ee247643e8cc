"""A request's body on its way: held while somebody has to say something first, streamed behind after that.

The third of the four rooms of an `Exchange`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.gateway.answered import AnsweredExchange
from handfast.gateway.body import BodyReader
from handfast.gateway.refusal import Refusal, refusal_of
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.chunked import LAST_CHUNK, encode_chunk
from handfast.protocols.http1.framing import Chunked, ContentLength, RequestFraming

if TYPE_CHECKING:
    from handfast.gateway.inspecting import BodyWaiter
    from handfast.protocols.http1.head import RequestHead

MAX_HELD_BYTES = 64 * 1024
"""How much of a body is kept while the decision is pending; then the client is not read any more."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ForwardedExchange(AnsweredExchange):
    """One request, as far as its body goes."""

    __slots__ = ("_framing", "_held_bytes")

    _framing: RequestFraming
    _held_bytes: int

    def _begin_body(self, head: RequestHead, framing: RequestFraming, rest: bytes) -> bool:
        """Takes what came with the head; False where it broke its framing and the request is refused."""
        if isinstance(framing, ContentLength) and framing.length == len(rest) <= MAX_HELD_BYTES:
            self.body = BodyReader(framing, received=framing.length)
            self._held = [rest]
            self._conn.body_done(b"")
            return True
        body = self.body = BodyReader(framing)
        self.awaits_continue = b"expect" in head.fields and head.version == 1 and not rest
        if self.on_body_data(rest):
            self._conn.body_done(body.rest)
        else:
            self._conn.await_body()
        return not self.is_refused

    def _ask_for_body(self) -> None:
        """Tells a client that waits for it to send its body."""
        if self.awaits_continue:
            self.awaits_continue = False
            self._conn.write((_CONTINUE,))

    def await_body(self, waiter: BodyWaiter) -> None:
        """Hands what is here of the body to `waiter`, and then whatever comes, until it is content."""
        self._waiter = waiter
        self._ask_for_body()
        self._conn.hold_for_decision(held=False)
        waiter.take(self._held or (), is_done=self.body.is_done)

    def stop_waiting(self) -> None:
        """The waiter has seen enough."""
        self._waiter = None

    def on_body_data(self, data: bytes) -> bool:
        """Bytes that belong to the body (and perhaps to what follows it); True when the body is whole with them."""
        if data:
            self.awaits_continue = False
            try:
                self._take_body(self.body.feed(data))
            except MalformedMessage as fault:
                self._fail_body(refusal_of(fault))
        return self.body.is_done

    def _take_body(self, pieces: list[bytes]) -> None:
        limit = self.route.app.config.max_body_bytes if self.route is not None else 0
        if limit and self.body.received > limit:
            self._fail_body(Refusal(Reason.BODY_TOO_LARGE))
            return
        if self.is_refused or self.is_over:
            return
        if self._upstream is not None:
            if self._copy is not None:
                self._copy.keep(pieces)
            framed = self._framed(pieces)
            if framed:
                self._upstream.send(framed)
            return
        self._held = self._held + pieces if self._held else pieces
        self._held_bytes += sum(map(len, pieces))
        waiter = self._waiter
        if waiter is not None:
            waiter.take(pieces, is_done=self.body.is_done)
        elif self._held_bytes > MAX_HELD_BYTES:
            self._conn.hold_for_decision(held=True)

    def _framed(self, pieces: Sequence[bytes] | None) -> Sequence[bytes]:
        """Body pieces as they go behind: chunks anew where the length is not known."""
        if not isinstance(self._framing, Chunked):
            return pieces or ()
        parts = [part for piece in pieces or () for part in encode_chunk(piece)]
        if self.body.is_done:
            parts.append(LAST_CHUNK)
        return parts

    def _fail_body(self, refusal: Refusal) -> None:
        """A body that breaks its framing or its limit: the back end must not see an end to it."""
        self._drop_upstream()
        if self._is_answered:
            self._end(Outcome.DENY, refusal.reason)
            self._conn.abort()
        else:
            self.refuse_fault(refusal)

    def on_body_timeout(self) -> None:
        """The client stopped sending its body."""
        self._drop_upstream()
        if self._is_answered:
            self._end(Outcome.DENY, Reason.REQUEST_TIMEOUT)
            self._conn.abort()
        else:
            self._keep = False
            self.refuse(Reason.REQUEST_TIMEOUT, at_once=True)
