"""Long requests outlive their grants: when a lifetime passes, or identity is back, they are decided anew meanwhile.

A Ping may hang for an hour, a grant lives five minutes. While identity is reachable a revocation would have cut the
request, so it goes on during the question; a denial cuts it, and so does a question that nobody answers for as long
as the grace lasts.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from handfast.decision.outcome import MAX_GRANT_SECONDS, Decision, Outcome
from handfast.decision.reasons import Reason
from handfast.identity.ports import Unavailable

if TYPE_CHECKING:
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.state import WorkerState

PARALLEL = 16
RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Revalidation:
    """Asks again on behalf of requests that run."""

    __slots__ = ("_slots", "_state")

    def __init__(self, state: WorkerState) -> None:
        self._state = state
        self._slots = asyncio.Semaphore(PARALLEL)

    def recheck(self, live: LiveGrant) -> None:
        """Begins to decide a grant anew, once at a time."""
        if live.is_rechecked or not live.in_flight:
            return
        live.is_rechecked = True
        self._state.spawn(self._recheck(live))

    async def _recheck(self, live: LiveGrant) -> None:
        try:
            patience_ends = self._state.loop.time() + self._state.model.config.grant_grace_seconds
            while live.in_flight and live.is_live:
                if await self._ask(live):
                    return
                if self._state.loop.time() >= patience_ends:
                    self._cut(live, Reason.GRANT_EXPIRED)
                    return
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            live.is_rechecked = False

    async def _ask(self, live: LiveGrant) -> bool:
        """True when there was an answer, and it was acted upon."""
        state = self._state
        if not state.link.is_reachable:
            return False
        generation = -1
        try:
            # Once more where the policy changed under the question: nobody else asks on behalf of this grant.
            while generation != state.grants.generation:
                request = replace(live.request, request_id=secrets.token_hex(12))
                asked_at, generation = state.loop.time(), state.grants.generation
                async with self._slots, asyncio.timeout(state.model.config.evaluate_timeout_seconds):
                    decision = await state.decider.evaluate(request)
        except (Unavailable, TimeoutError):
            return False
        except Exception:  # noqa: BLE001 - asked again until the patience ends, then cut
            _log.exception("a running request could not be decided anew")
            return False
        self._apply(live, decision, asked_at)
        return True

    def _apply(self, live: LiveGrant, decision: Decision, asked_at: float) -> None:
        grant = decision.grant
        expires_at = asked_at + min(grant.lifetime_seconds, MAX_GRANT_SECONDS) if grant is not None else 0.0
        if (
            grant is not None
            and decision.outcome is Outcome.ALLOW
            and live.is_live
            and not self._state.grants.is_revoked(grant)
            and live.renew(grant, expires_at)
        ):
            return
        self._cut(live, Reason.REVOKED_IN_FLIGHT)

    def _cut(self, live: LiveGrant, reason: Reason) -> None:
        self._state.grants.drop(live)
        for exchange in tuple(live.in_flight):
            exchange.cut(reason)
