"""Deciding: what happens to a request for which this worker holds no grant."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.ports import Unavailable
from handfast.protocols.errors import MalformedMessage

if TYPE_CHECKING:
    from handfast.gateway.exchange import Exchange
    from handfast.gateway.sign_in import Step

ATTEMPTS = 3

_log = logging.getLogger(__name__)


async def ask_identity(exchange: Exchange, step: Step) -> None:
    """Fetches a challenge or a decision and hands it to the exchange; every failure refuses the request."""
    exchange.is_asking = True
    try:
        if not exchange.state.link.is_reachable:
            raise Unavailable("identity is silent")  # noqa: TRY301 - answered like any other silence
        if step.challenge is not None:
            async with asyncio.timeout(exchange.model.config.evaluate_timeout_seconds):
                value = await step.challenge()
            exchange.challenge(value)
        else:
            await _evaluate(exchange, step)
    except (Unavailable, TimeoutError):
        exchange.refuse(Reason.IDENTITY_UNAVAILABLE)
    except MalformedMessage as fault:
        exchange.refuse(Reason.NTLM_MALFORMED, detail=str(fault))
    except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
        _log.exception("request %s failed", exchange.request_id)
        exchange.refuse(Reason.INTERNAL_ERROR)
    finally:
        exchange.is_asking = False


async def _evaluate(exchange: Exchange, step: Step) -> None:
    """Raises: Unavailable, TimeoutError, MalformedMessage."""
    assert step.request is not None
    state = exchange.state
    answer_token = b""
    for _ in range(ATTEMPTS):
        asked_at, generation = state.loop.time(), state.grants.generation
        async with asyncio.timeout(exchange.model.config.evaluate_timeout_seconds):
            decision = await step.evaluate(step.request)
        exchange.login = decision.login or exchange.login
        answer_token = decision.answer_token or answer_token
        if exchange.is_over:
            return
        if generation != state.grants.generation and step.prepare_to_ask_again(decision):
            continue
        if decision.outcome is not Outcome.ALLOW or decision.grant is None:
            exchange.refuse_decision(decision)
            return
        live = step.remember(decision.grant, asked_at)
        if live is not None:
            live.authorization = decision.authorization
            exchange.answer_token = answer_token
            exchange.forward(live)
            return
    # Each time the answer was older than a revocation or a change of policy that we have seen.
    raise Unavailable("answers are older than what was revoked or changed")
