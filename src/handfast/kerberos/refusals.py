"""What KDCs have refused lately, so that a phone which tries again and again does not ask them each time."""

from __future__ import annotations

from collections import OrderedDict

from handfast.identity.directory.ports import DelegationRefused
from handfast.identity.records import AccountId
from handfast.kerberos.failures import Verdict
from handfast.kerberos.tickets import TicketKey

REFUSED_SECONDS = 30.0
"""How long an account that was mended in the directory may still be refused."""
MAX_REFUSALS = 4096
"""What is more lets the oldest ask again early."""
_LASTING = frozenset({Verdict.REFUSED, Verdict.SERVICE_UNKNOWN, Verdict.UNIDENTIFIED, Verdict.OTHER_ACCOUNT})


class KdcRefused(DelegationRefused):
    """What came of questions that were put to a KDC; a `DelegationRefused` that is none says nothing of KDCs. `is_final`: the
    same would come of them again; not so where our own ticket may have been what was not liked.
    """

    def __init__(self, verdict: Verdict, detail: str, *, is_final: bool = True) -> None:
        super().__init__(verdict.failure, detail)
        self.verdict = verdict
        self.is_final = is_final


class RefusalMemory:
    """Refusals by ticket, for one thread; `now` is monotonic."""

    def __init__(self, max_refusals: int = MAX_REFUSALS) -> None:
        self._max_refusals = max_refusals
        self._refusals: OrderedDict[TicketKey, tuple[float, DelegationRefused]] = OrderedDict()
        self._keys: dict[AccountId, set[TicketKey]] = {}

    def __len__(self) -> int:
        return len(self._refusals)

    def check(self, key: TicketKey, now: float) -> None:
        """Raises: DelegationRefused, as the KDC's refusal was."""
        self._sweep(now)
        if key in self._refusals:
            _, refusal = self._refusals[key]
            raise DelegationRefused(refusal.failure, refusal.detail)

    def note(self, key: TicketKey, refusal: DelegationRefused, now: float) -> None:
        """Keeps it if it lasts: one that says the KDC is away, or our own key is wrong, does not."""
        if not (isinstance(refusal, KdcRefused) and refusal.is_final and refusal.verdict in _LASTING):
            return
        self._sweep(now)
        self._drop(key)
        if len(self._refusals) >= self._max_refusals:
            self._drop(next(iter(self._refusals)))
        self._refusals[key] = now + REFUSED_SECONDS, DelegationRefused(refusal.failure, refusal.detail)
        self._keys.setdefault(key.account_id, set()).add(key)

    def drop_account(self, account_id: AccountId) -> None:
        """Forgets all refusals of an account."""
        for key in list(self._keys.get(account_id, ())):
            self._drop(key)

    def clear(self) -> None:
        """Forgets everything."""
        self._refusals.clear()
        self._keys.clear()

    def _drop(self, key: TicketKey) -> None:
        if self._refusals.pop(key, None) is None:
            return
        keys = self._keys[key.account_id]
        keys.discard(key)
        if not keys:
            del self._keys[key.account_id]

    def _sweep(self, now: float) -> None:
        while self._refusals and next(iter(self._refusals.values()))[0] <= now:
            self._drop(next(iter(self._refusals)))
