"""The grants identity has given out lately: nobody is signed in behind us without one.

A gateway shows a grant to be signed in; what counts is the grant as identity made it, found here by its id and node.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import MAX_GRANT_SECONDS, Decision, Grant
from handfast.decision.ports import Decider, IssuedChallenge
from handfast.identity.records import Revocation

MAX_GRANTS = 1_000_000
"""Some 500 bytes each. At the limit the oldest give way, and their gateways ask for new ones."""
MAX_REMEMBERED_REVOCATIONS = 1000
"""Of more, grants older than the forgotten ones are worth nothing."""
GRACE_SECONDS = 60.0
"""A grant that ends while its request is being sent must still open the back-end connection."""


class LiveGrants:
    """Grants by id, oldest first; each is forgotten when its lifetime is over."""

    def __init__(
        self, *, max_grants: int = MAX_GRANTS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_grants = max_grants
        self._monotonic = monotonic
        self._grants: OrderedDict[str, tuple[float, Grant]] = OrderedDict()
        self._revocations: deque[Revocation] = deque(maxlen=MAX_REMEMBERED_REVOCATIONS)
        self._revoked_up_to = 0

    def __len__(self) -> int:
        return len(self._grants)

    def remember(self, grant: Grant) -> None:
        """Keeps the grant for its lifetime, at most 5 minutes, and a little grace."""
        now = self._monotonic()
        self._sweep(now)
        ends = now + min(grant.lifetime_seconds, MAX_GRANT_SECONDS) + GRACE_SECONDS
        self._grants[grant.grant_id] = (ends, grant)

    def find(self, grant_id: str, node: str) -> Grant | None:
        """The grant, where it lives, was given to that node, and nothing took it away since."""
        kept = self._grants.get(grant_id)
        if kept is None or kept[0] <= self._monotonic() or kept[1].node != node:
            return None
        return None if self._is_revoked(kept[1]) else kept[1]

    def revoke(self, revocations: Iterable[Revocation]) -> None:
        """Grants that these hit are found no more: whoever still shows one may be a gateway that was taken over."""
        for revocation in revocations:
            if len(self._revocations) == self._revocations.maxlen:
                self._revoked_up_to = self._revocations[0].epoch
            self._revocations.append(revocation)

    def _is_revoked(self, grant: Grant) -> bool:
        return grant.epoch < self._revoked_up_to or any(
            grant.is_hit_by(revocation) for revocation in reversed(self._revocations)
        )

    def _sweep(self, now: float) -> None:
        """Drops what has ended from the old end, and the oldest where there are too many; amortised constant time."""
        while self._grants:
            oldest = next(iter(self._grants))
            if self._grants[oldest][0] > now and len(self._grants) < self._max_grants:
                return
            del self._grants[oldest]


class RememberingDecider:
    """A `Decider` that notes each grant on its way out, and on each which process made it."""

    def __init__(self, decider: Decider, live_grants: LiveGrants, process: str) -> None:
        self._decider = decider
        self._live_grants = live_grants
        self._process = process

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        """As the decider it wraps."""
        return await self._decider.issue_challenge(publication, connection_id, negotiate)

    async def evaluate(self, request: AccessRequest) -> Decision:
        """As the decider it wraps."""
        decision = await self._decider.evaluate(request)
        if decision.grant is None:
            return decision
        grant = decision.grant.made_by(self._process)
        self._live_grants.remember(grant)
        return replace(decision, grant=grant)
