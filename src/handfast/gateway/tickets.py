"""Kerberos behind: first a connection, then a ticket bound to it, then the request; and the server's proof before its answer.

A ticket is good for one request on a connection with the binding it was made for. Where servers remember who signed in
on a connection, its first request carries the ticket and the later ones nothing; else each request has its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handfast.decision.outcome import BackendAuthorization
from handfast.decision.ports import BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.gateway.pool import PoolFull
from handfast.gateway.tls import end_point_data
from handfast.identity.ports import Unavailable
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.server_token import find_server_token

if TYPE_CHECKING:
    from handfast.gateway.exchange import Exchange
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.routing import Route
    from handfast.gateway.upstream import UpstreamConnection
    from handfast.protocols.http1.framing import ResponseFraming
    from handfast.protocols.http1.head import ResponseHead

SIGNED_IN_CONNECTION = BackendAuthorization(headers=())
"""What a request on a connection that is signed in already carries."""
ATTEMPTS = 2
"""A kept connection may end while its ticket is fetched: nothing was sent on it, so another one takes its place."""

PROOF_SECONDS = 45.0
"""So long after its ticket a server's proof is looked at; identity keeps what waits for one a little longer. A long poll
answers later: then TLS alone has verified the server, as where it sends no proof.
"""

_log = logging.getLogger(__name__)


async def send_with_ticket(exchange: Exchange, live: LiveGrant, route: Route) -> None:
    """Sends the request on a connection that is signed in, or with a ticket that signs it in. Every failure refuses it."""
    try:
        for _ in range(ATTEMPTS):
            if await _send(exchange, live, route):
                return
        exchange.refuse(Reason.BACKEND_UNAVAILABLE)
    except BackendSignInRefused as refused:
        exchange.refuse(refused.reason)
    except PoolFull:
        exchange.refuse(Reason.OVERLOADED)
    except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
        _log.exception("request %s: back-end sign-in failed", exchange.request_id)
        exchange.refuse(Reason.INTERNAL_ERROR)


async def _send(exchange: Exchange, live: LiveGrant, route: Route) -> bool:
    """True when the request was sent or is settled; False where the connection ended before that.

    Raises: BackendSignInRefused, PoolFull.
    """
    pool = route.app.pool
    is_kept_signed_in = route.app.config.backend.ticket_per == "connection"
    upstream = pool.find_idle(live.grant.account_id)
    if upstream is not None and is_kept_signed_in:
        live.authorization = SIGNED_IN_CONNECTION
        exchange.send(upstream, SIGNED_IN_CONNECTION)
        return True
    if upstream is None:
        try:
            upstream = await pool.connect(live.grant.account_id)
        except PoolFull:
            raise
        except Unavailable:
            exchange.refuse(Reason.BACKEND_UNAVAILABLE)
            return True
    proven_until = pool.now() + PROOF_SECONDS
    ticket = await _fetch_ticket(exchange, live, upstream)
    if ticket is None:
        return True
    if not upstream.is_open:
        return False
    if is_kept_signed_in:
        live.authorization = SIGNED_IN_CONNECTION
    exchange.send(upstream, ticket, ProvenAnswer(exchange, live, upstream, ticket.handle, proven_until))
    return True


async def _fetch_ticket(
    exchange: Exchange, live: LiveGrant, upstream: UpstreamConnection
) -> BackendAuthorization | None:
    """The ticket for this connection; None where the request is settled. A connection that nothing is sent on is closed:
    in the pool it would pass for one that is signed in. Raises: BackendSignInRefused.
    """
    ticket: BackendAuthorization | None = None
    try:
        ticket = await exchange.state.sign_in.authorize(live.grant, binding_of(upstream))
        if not ticket.is_single_use:
            # Identity's settings are others than ours: what it gave may be good for something else altogether.
            _log.error(
                "request %s: identity gave no ticket for a back end that wants one", exchange.request_id
            )
            ticket = None
            exchange.refuse(Reason.BACKEND_SIGN_IN_REFUSED)
    except Unavailable:
        exchange.refuse(Reason.IDENTITY_UNAVAILABLE)
    finally:
        if ticket is None or exchange.is_settled:
            upstream.close()
    return None if exchange.is_settled else ticket


def binding_of(upstream: UpstreamConnection) -> bytes:
    """The application data of a back-end connection's channel binding, b"" without TLS."""
    connection = None if upstream.transport is None else upstream.transport.get_extra_info("ssl_object")
    shown = None if connection is None else connection.getpeercert(binary_form=True)
    return b"" if shown is None else end_point_data(shown)


class ProvenAnswer:
    """Takes the answer to a request that carried a ticket, and lets it pass once the server's own proof is found good.

    A server that sends no proof is believed, because TLS has verified it (Exchange sends one now and then). With a wrong
    one it could not read the ticket, and is not the server it should be: its answer stays here. Fits `AnswerSink`.
    """

    __slots__ = ("_exchange", "_handle", "_is_done", "_live", "_pieces", "_until", "_upstream", "method")

    def __init__(
        self,
        exchange: Exchange,
        live: LiveGrant,
        upstream: UpstreamConnection,
        handle: str,
        until: float,
    ) -> None:
        """`until` is the loop time after which a proof is no longer looked at."""
        self.method = exchange.method
        self._exchange = exchange
        self._live = live
        self._upstream = upstream
        self._handle = handle
        self._until = until
        self._pieces: list[bytes] = []
        self._is_done = False

    def on_answer(
        self, head: ResponseHead, framing: ResponseFraming, pieces: list[bytes], *, is_done: bool
    ) -> None:
        """The head: with a proof in it the answer waits, without one it passes."""
        try:
            token = find_server_token(head.all(b"www-authenticate")) if head.status != 401 else None
        except MalformedMessage as fault:
            self._withhold(str(fault))
            return
        self._pieces, self._is_done = pieces, is_done
        if token is None or self._upstream.pool.now() > self._until:
            self._pass(head, framing)
            return
        self._upstream.hold(held=True)
        self._exchange.state.spawn(self._confirm(head, framing, token))

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None:
        """More of an answer that waits: it came before the connection was held."""
        self._pieces += pieces
        self._is_done = is_done

    def on_upstream_lost(self, fault: MalformedMessage | None, *, timed_out: bool) -> None:
        """The connection ended; an answer that is here whole is an answer all the same."""
        if not self._is_done:
            self._exchange.on_upstream_lost(fault, timed_out=timed_out)

    def on_upstream_writable(self, *, writable: bool) -> None:
        """The request's body is the exchange's affair."""
        self._exchange.on_upstream_writable(writable=writable)

    async def _confirm(self, head: ResponseHead, framing: ResponseFraming, token: bytes) -> None:
        exchange = self._exchange
        try:
            is_proven = await exchange.state.sign_in.confirm(self._live.grant, self._handle, token)
        except BackendSignInRefused as refused:
            exchange.refuse(refused.reason)
        except Unavailable:
            exchange.refuse(Reason.IDENTITY_UNAVAILABLE)
        except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
            _log.exception("request %s: the server's proof was not looked at", exchange.request_id)
            exchange.refuse(Reason.INTERNAL_ERROR)
        else:
            if not is_proven:
                self._withhold("the server's proof is wrong: it could not read the ticket")
            elif not exchange.is_settled:
                self._pass(head, framing)

    def _pass(self, head: ResponseHead, framing: ResponseFraming) -> None:
        self._upstream.answer_to(self._exchange)
        self._exchange.on_answer(head, framing, self._pieces, is_done=self._is_done)

    def _withhold(self, detail: str) -> None:
        self._live.authorization = None
        self._exchange.withhold_unproven(detail)
