"""Reaching the server behind a request: its sign-in, where none is known yet, and a connection, where none is kept."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handfast.decision.ports import BackendAuthorization, BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.gateway.pool import PoolFull
from handfast.gateway.tickets import refuse_sign_in, send_with_ticket
from handfast.identity.ports import Unavailable

if TYPE_CHECKING:
    from handfast.gateway.exchange import Exchange
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.proving import ProofKey
    from handfast.gateway.refusable import RefusableExchange
    from handfast.gateway.routing import Route

_log = logging.getLogger(__name__)


def is_proven(exchange: Exchange, live: LiveGrant, authorization: BackendAuthorization) -> bool:
    """True where nobody has to wait for a verdict on the sign-in behind us."""
    return not authorization.version or exchange.state.proofs.is_proven(_proof_key(live, authorization))


async def sign_in_behind(exchange: Exchange, live: LiveGrant, route: Route) -> None:
    """Asks for the account's sign-in and waits for this request's turn to try it; then connects."""
    if route.app.config.backend.ticket_per:
        await send_with_ticket(exchange, live, route)
        return
    state = exchange.state
    try:
        authorization = live.authorization or await _authorize(exchange, live)
        key = _proof_key(live, authorization)
        if await state.proofs.enter(key):
            exchange.proof = key
        if exchange.is_settled:
            exchange.end_trial()
            return
        if state.proofs.is_refused(key):
            live.authorization = None
            exchange.refuse(Reason.BACKEND_SECRET_SUSPENDED)
            return
        upstream = route.app.pool.find_idle(live.grant.account_id)
        if upstream is not None:
            exchange.send(upstream, authorization)
            return
        await connect_anew(exchange, live, route, authorization)
    except BackendSignInRefused as refused:
        refuse_sign_in(exchange, live, refused.reason)
    except Unavailable:
        exchange.refuse(Reason.IDENTITY_UNAVAILABLE)
    except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
        _log.exception("request %s: back-end sign-in failed", exchange.request_id)
        exchange.refuse(Reason.INTERNAL_ERROR)


async def _authorize(exchange: Exchange, live: LiveGrant) -> BackendAuthorization:
    """What identity says, kept for the grant's other requests, unless its policy changed meanwhile.

    Raises: BackendSignInRefused, also for a ticket: identity's settings are others than ours then; Unavailable.
    """
    state = exchange.state
    generation = state.grants.generation
    given = await state.sign_in.authorize(live.grant)
    if given.is_single_use:
        _log.error("request %s: identity gave a ticket for a back end that wants none", exchange.request_id)
        raise BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
    if generation == state.grants.generation:
        live.authorization = given
    return given


async def connect_anew(
    exchange: Exchange, live: LiveGrant, route: Route, authorization: BackendAuthorization
) -> None:
    """Opens a connection for the account and sends the request on it."""
    try:
        upstream = await route.app.pool.connect(live.grant.account_id)
    except PoolFull:
        exchange.refuse(Reason.OVERLOADED)
        return
    except Unavailable:
        exchange.refuse(Reason.BACKEND_UNAVAILABLE)
        return
    except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
        _log.exception("request %s: connecting failed", exchange.request_id)
        exchange.refuse(Reason.INTERNAL_ERROR)
        return
    if exchange.is_settled:
        # The client left, or the grant was taken away, while we connected: nothing was sent on it.
        upstream.pool.keep(upstream)
        return
    exchange.send(upstream, authorization)


async def report_refused(exchange: RefusableExchange, live: LiveGrant, version: str) -> None:
    """Tells identity that a server refused the account's sign-in."""
    try:
        await exchange.state.sign_in.report_refused(live.grant, version)
    except (BackendSignInRefused, Unavailable):
        _log.warning(
            "request %s: identity could not be told of a refused back-end sign-in", exchange.request_id
        )


def _proof_key(live: LiveGrant, authorization: BackendAuthorization) -> ProofKey:
    return live.grant.account_id, live.grant.publication, authorization.version
