"""How many failed evaluations a gateway node may report before what it says is believed less.

A node in the DMZ may be taken over, and then names sources at will, which empties the counters by source of meaning. So
its failures have a budget of their own: once it is spent, human-chosen secrets from that node are no longer evaluated.
Generated app passwords always are: they can't be guessed, and nobody may lock a paired phone out by failing.
"""

from __future__ import annotations

from handfast.decision.access import AccessRequest, BasicCredential
from handfast.decision.reasons import Reason

BURST = 1000
PER_SECOND = 5.0
GENERATED_LETTERS = 25
"""Length of an app password in canonical form: lower-case letters, without hyphens and spaces."""

FAILURES = frozenset(
    {
        Reason.CREDENTIAL_WRONG,
        Reason.ACCOUNT_UNKNOWN,
        Reason.ACCOUNT_LOCKED_OUT,
        Reason.DOMAIN_PASSWORD_NOT_TRIED,
    }
)


class NodeBudget:
    """A token bucket for one node; `now` is monotonic seconds."""

    __slots__ = ("_at", "_left")

    def __init__(self, now: float) -> None:
        self._left = float(BURST)
        self._at = now

    def spend(self, now: float) -> bool:
        """Counts one failure; False where that was the last one the node had."""
        self._refill(now)
        had = self._left >= 1
        self._left = max(0.0, self._left - 1)
        return not (had and self._left < 1)

    def is_spent(self, now: float) -> bool:
        """True while no failure is left."""
        self._refill(now)
        return self._left < 1

    def _refill(self, now: float) -> None:
        self._left = min(float(BURST), self._left + (now - self._at) * PER_SECOND)
        self._at = now


def may_be_guessed(request: AccessRequest) -> bool:
    """True for a Basic secret that can't be a generated one; NTLM is verified against generated ones alone."""
    credential = request.credential
    if not isinstance(credential, BasicCredential):
        return False
    canonical = credential.secret.replace("-", "").replace(" ", "").lower()
    return not (len(canonical) == GENERATED_LETTERS and canonical.isascii() and canonical.isalpha())
