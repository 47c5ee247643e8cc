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
from handfast.gateway.proof_counts import ProofResult
from handfast.gateway.tls import end_point_data
from handfast.gateway.upstream import NEVER_SIGNED_IN, HoldFor
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
"""What a request on a connection that is signed in already carries. Never a grant's own: its connection may be gone by the
next request, and a reload may want a ticket for each.
"""
MAX_SIGNED_IN_SECONDS = 900.0
"""So long after its ticket a kept connection serves. The servers ask for no other while it lives, so that without this an
account whose groups or rights changed in the domain, or whose ticket has ended, would go on as it was for as long as a phone
keeps it busy. A new ticket each quarter of an hour costs one call.
"""
ATTEMPTS = 2
"""A kept connection may end while its ticket is fetched: nothing was sent on it, so another one takes its place."""
LASTING = frozenset(
    {
        Reason.BACKEND_SIGN_IN_REFUSED,
        Reason.DELEGATION_REFUSED,
        Reason.KEYTAB_REFUSED,
        Reason.SERVICE_UNKNOWN_TO_KDC,
        Reason.TICKET_UNIDENTIFIED,
        Reason.TICKET_OF_OTHER_ACCOUNT,
    }
)
"""Refusals that the next request would hear again: they end when somebody mends something, or after a minute."""

PROOF_SECONDS = 45.0
"""So long after its ticket a server's proof is looked at; identity keeps what waits for one a little longer. A long poll
answers later: then TLS alone has verified the server, as where it sends no proof.
"""
MAX_WAITING_BYTES = 512 * 1024
"""Of an answer that waits for its proof. It is not read any more from its head on, so that this is what one or two reads of
a TLS connection (256 KiB each) had brought by then.
"""

_log = logging.getLogger(__name__)


def send_signed_in(exchange: Exchange, live: LiveGrant, route: Route) -> bool:
    """Sends the request on a kept connection that a ticket has signed in lately; False where there is none."""
    if route.app.config.backend.ticket_per != "connection":
        return False
    pool = route.app.pool
    oldest = pool.now() - MAX_SIGNED_IN_SECONDS
    while (upstream := pool.find_idle(live.grant.account_id)) is not None:
        if upstream.signed_in_at > oldest:
            exchange.send(upstream, SIGNED_IN_CONNECTION)
            return True
        upstream.close()
    return False


async def send_with_ticket(exchange: Exchange, live: LiveGrant, route: Route) -> None:
    """Sends the request on a connection that is signed in, or with a ticket that signs it in. Every failure refuses it."""
    try:
        for _ in range(ATTEMPTS):
            if await _send(exchange, live, route):
                return
        exchange.refuse(Reason.BACKEND_UNAVAILABLE)
    except BackendSignInRefused as refused:
        refuse_sign_in(exchange, live, refused.reason)
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
    if send_signed_in(exchange, live, route):
        return True
    grant = live.grant
    known = pool.refused_sign_ins.find(grant.account_id, grant.publication, pool.now())
    if known is not None:
        raise BackendSignInRefused(known)
    upstream = pool.find_idle(grant.account_id)
    if upstream is None:
        try:
            upstream = await pool.connect(grant.account_id)
        except PoolFull:
            raise
        except Unavailable:
            exchange.refuse(Reason.BACKEND_UNAVAILABLE)
            return True
    asked_at, generation = pool.now(), exchange.state.grants.generation
    ticket = await _fetch_ticket(exchange, live, upstream)
    if ticket is None:
        return True
    if not upstream.is_open:
        return False
    # After a change of policy the ticket may be for what the servers were before: good for this request alone.
    is_lasting = generation == exchange.state.grants.generation
    upstream.signed_in_at = asked_at if is_lasting else NEVER_SIGNED_IN
    proven_until = asked_at + PROOF_SECONDS
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
    except BackendSignInRefused as refused:
        if refused.reason in LASTING:
            grant, pool = live.grant, upstream.pool
            pool.refused_sign_ins.keep(grant.account_id, grant.publication, refused.reason, pool.now())
        raise
    except Unavailable:
        exchange.refuse(Reason.IDENTITY_UNAVAILABLE)
    finally:
        if ticket is None or exchange.is_settled:
            upstream.close()
    return None if exchange.is_settled else ticket


def refuse_sign_in(exchange: Exchange, live: LiveGrant, reason: Reason) -> None:
    """Refuses a request that identity does not sign in. A grant that it does not know any more is good for no other."""
    exchange.refuse(reason)
    if reason is Reason.GRANT_EXPIRED:
        exchange.state.grants.expire(live)


def binding_of(upstream: UpstreamConnection) -> bytes:
    """The application data of a back-end connection's channel binding, b"" without TLS."""
    connection = None if upstream.transport is None else upstream.transport.get_extra_info("ssl_object")
    shown = None if connection is None else connection.getpeercert(binary_form=True)
    return b"" if shown is None else end_point_data(shown)


class ProvenAnswer:
    """Takes the answer to a request that carried a ticket, and lets it pass once the server's own proof is found good.

    A server that sends no proof is believed, because TLS has verified it (Exchange sends one now and then). So is one whose
    proof identity can't look at. With a wrong one it could not read the ticket, and is not the server it should be: its
    answer stays here. Fits `AnswerSink`.
    """

    __slots__ = (
        "_exchange",
        "_handle",
        "_is_done",
        "_live",
        "_pieces",
        "_until",
        "_upstream",
        "_waiting_bytes",
        "method",
    )

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
        self._waiting_bytes = 0
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
        self._waiting_bytes = sum(map(len, pieces))
        self._upstream.hold(HoldFor.PROOF, held=True)
        self._exchange.state.spawn(self._confirm(head, framing, token))

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None:
        """More of an answer that waits: it came before the connection was held."""
        self._pieces += pieces
        self._is_done = is_done
        self._waiting_bytes += sum(map(len, pieces))
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._pieces = []
            self._exchange.refuse(
                Reason.BACKEND_UNAVAILABLE, detail="too much of the answer came before the server's proof"
            )

    def on_upstream_lost(self, fault: MalformedMessage | None, *, timed_out: bool) -> None:
        """The connection ended; an answer that is here whole is an answer all the same."""
        if not self._is_done:
            self._exchange.on_upstream_lost(fault, timed_out=timed_out)

    def on_upstream_writable(self, *, writable: bool) -> None:
        """The request's body is the exchange's affair."""
        self._exchange.on_upstream_writable(writable=writable)

    async def _confirm(self, head: ResponseHead, framing: ResponseFraming, token: bytes) -> None:
        exchange, publication = self._exchange, self._live.grant.publication
        counts = exchange.state.proof_counts
        try:
            is_proven = await exchange.state.sign_in.confirm(self._live.grant, self._handle, token)
        except BackendSignInRefused as refused:
            refuse_sign_in(exchange, self._live, refused.reason)
        except Unavailable as problem:
            # Whoever could bring this about could as well have sent no proof: TLS has verified the server.
            counts.note_unseen(publication, exchange.request_id, str(problem))
            if not exchange.is_settled:
                self._pass(head, framing)
        except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
            _log.exception("request %s: the server's proof was not looked at", exchange.request_id)
            exchange.refuse(Reason.INTERNAL_ERROR)
        else:
            counts.note(publication, ProofResult.GOOD if is_proven else ProofResult.WRONG)
            if not is_proven:
                self._withhold("the server's proof is wrong: it could not read the ticket")
            elif not exchange.is_settled:
                self._pass(head, framing)

    def _pass(self, head: ResponseHead, framing: ResponseFraming) -> None:
        self._upstream.answer_to(self._exchange)
        self._exchange.on_answer(head, framing, self._pieces, is_done=self._is_done)

    def _withhold(self, detail: str) -> None:
        self._exchange.withhold_unproven(detail)
