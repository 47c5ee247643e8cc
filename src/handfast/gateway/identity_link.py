"""What the gateway knows of identity: whether it can be reached, and what it has taken away.

Identity beats each second. Three silent seconds mean that revocations may be missed: nothing new is decided then, live
grants go on for the grace, and after it what runs on them is cut. When identity is back every grant is decided anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from handfast.decision.ports import RevocationBatch, RevocationSource
from handfast.decision.reasons import Reason
from handfast.gateway.grants import GrantCache, LiveGrant
from handfast.gateway.pool import BackendPool
from handfast.identity.ports import Unavailable
from handfast.identity.records import AccountId, Revocation, RevocationScope

SILENCE_SECONDS = 3.0
RECONNECT_SECONDS = 0.25

_log = logging.getLogger(__name__)

_REASONS = {
    RevocationScope.STORED_SECRET: Reason.BACKEND_SECRET_SUSPENDED,
}


class IdentityLink:
    """Follows the revocation stream for one worker, and cuts.

    `pools` gives every pool in use; `recheck` is called for each grant that runs when identity is back.
    """

    __slots__ = (
        "_grace_seconds",
        "_grace_timer",
        "_grants",
        "_heard_at",
        "_loop",
        "_pools",
        "_recheck",
        "_source",
        "epoch",
        "is_reachable",
    )

    def __init__(
        self,
        source: RevocationSource,
        grants: GrantCache,
        *,
        grace_seconds: float,
        pools: Callable[[], list[BackendPool]],
        recheck: Callable[[LiveGrant], None],
    ) -> None:
        self._source = source
        self._grants = grants
        self._grace_seconds = grace_seconds
        self._pools = pools
        self._recheck = recheck
        self._loop = asyncio.get_running_loop()
        self._heard_at = float("-inf")
        self._grace_timer: asyncio.TimerHandle | None = None
        self.epoch = 0
        self.is_reachable = False

    def stop(self) -> None:
        """Ends the grace timer; `run` is cancelled by whoever runs it."""
        if self._grace_timer is not None:
            self._grace_timer.cancel()
            self._grace_timer = None

    def set_grace(self, seconds: float) -> None:
        """The grace of a reloaded configuration."""
        self._grace_seconds = seconds

    def trusts(self, live: LiveGrant, now: float) -> bool:
        """True while a grant may be used: alive, within its lifetime, and identity heard of within the grace."""
        return live.is_live and now < live.expires_at and (self.is_reachable or now < self._grace_ends())

    def in_grace(self, now: float) -> bool:
        """True while what runs may go on although identity can't be reached."""
        return self.is_reachable or now < self._grace_ends()

    async def run(self) -> None:
        """Follows the stream until cancelled; reconnects by itself."""
        while True:
            try:
                await self._follow()
            except (Unavailable, TimeoutError, OSError) as error:
                _log.debug("revocation stream lost: %s", error)
            except Exception:  # noqa: BLE001 - the link must not die
                _log.exception("revocation stream failed")
            if self.is_reachable:
                self.is_reachable = False
                _log.warning("identity can't be reached: no new sign-ins until it is back")
            if self._grace_timer is None:
                self._grace_timer = self._loop.call_at(
                    max(self._grace_ends(), self._loop.time()), self._on_grace_over
                )
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self) -> None:
        stream = aiter(self._source.revocations(self.epoch))
        try:
            while True:
                async with asyncio.timeout(SILENCE_SECONDS):
                    batch = await anext(stream, None)
                if batch is None:
                    raise Unavailable("the revocation stream ended")
                self._take(batch)
                self._on_heard()
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    def _take(self, batch: RevocationBatch) -> None:
        """Revocations first, then the heartbeat: a batch that revokes is never a reason to trust."""
        for revocation in batch.revocations:
            self.revoke(revocation)
        if batch.resync:
            self._grants.distrust_before(batch.epoch)
        if batch.resync or not self.is_reachable:
            self._revalidate()
        self.epoch = max(self.epoch, batch.epoch)
        self._heard_at = self._loop.time()

    def _on_heard(self) -> None:
        if self._grace_timer is not None:
            self._grace_timer.cancel()
            self._grace_timer = None
        if not self.is_reachable:
            self.is_reachable = True
            _log.info("identity is reachable")

    def _revalidate(self) -> None:
        """The stream begins (again): the next request of every grant is decided anew, and so is what runs."""
        running = self._grants.forget_all()
        for pool in self._pools():
            pool.forget_sign_ins()
        self._loop.call_soon(self._recheck_all, running)

    def _recheck_all(self, running: list[LiveGrant]) -> None:
        for live in running:
            self._recheck(live)

    def revoke(self, revocation: Revocation) -> None:
        """Ends what the revocation hits: grants, requests in flight, and the accounts' back-end connections."""
        reason = _REASONS.get(revocation.scope, Reason.REVOKED_IN_FLIGHT)
        accounts: set[AccountId] = set()
        for live in self._grants.revoke(revocation):
            accounts.add(live.grant.account_id)
            for exchange in tuple(live.in_flight):
                exchange.cut(reason)
        if revocation.account_id is not None:
            accounts.add(revocation.account_id)
        for pool in self._pools():
            for account_id in accounts:
                pool.close_account(account_id)

    def _grace_ends(self) -> float:
        return self._heard_at + self._grace_seconds

    def _on_grace_over(self) -> None:
        self._grace_timer = None
        if self.in_grace(self._loop.time()):
            return
        for exchange in tuple(self._grants.in_flight()):
            exchange.cut(Reason.GRANT_EXPIRED)
        self._grants.forget_all()
