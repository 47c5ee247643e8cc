"""Contexts that wait for the service's own proof, by handles nobody can guess."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from handfast.identity.records import AccountId
from handfast.kerberos.mechanism import Initiation

MAX_WAITING = 8192
"""Some 4 KiB each. A service that never answers with a proof leaves them here until they end."""
MAX_PER_ACCOUNT = 64
"""A phone has a handful of requests on their way. More than that make room among themselves, not at others' cost."""
SECONDS = 60.0
"""The proof of a back end that answers its first request later can't be looked at any more."""


class WaitingContexts:
    """For one thread; `now` is monotonic. The oldest make room, and ended ones go whenever one comes."""

    def __init__(self, max_waiting: int = MAX_WAITING, max_per_account: int = MAX_PER_ACCOUNT) -> None:
        self._max_waiting = max_waiting
        self._max_per_account = max_per_account
        self._waiting: OrderedDict[str, tuple[float, AccountId, Initiation]] = OrderedDict()
        self._handles: dict[AccountId, OrderedDict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, initiation: Initiation, account_id: AccountId, now: float) -> str:
        """The handle, good for a minute and one use. An account with its full number loses its own oldest."""
        self._sweep(now)
        own = self._handles.get(account_id, ())
        if len(own) >= self._max_per_account:
            self._pop(next(iter(own)))
        elif len(self._waiting) >= self._max_waiting:
            self._pop(next(iter(self._waiting)))
        handle = secrets.token_urlsafe(18)
        self._waiting[handle] = (now + SECONDS, account_id, initiation)
        self._handles.setdefault(account_id, OrderedDict())[handle] = None
        return handle

    def take(self, handle: str, now: float) -> Initiation | None:
        """The context, which is gone from here afterwards; None for an unknown or ended handle."""
        self._sweep(now)
        return self._pop(handle) if handle in self._waiting else None

    def clear(self) -> None:
        """Forgets all."""
        self._waiting.clear()
        self._handles.clear()

    def _pop(self, handle: str) -> Initiation:
        _, account_id, initiation = self._waiting.pop(handle)
        own = self._handles[account_id]
        del own[handle]
        if not own:
            del self._handles[account_id]
        return initiation

    def _sweep(self, now: float) -> None:
        while self._waiting and next(iter(self._waiting.values()))[0] <= now:
            self._pop(next(iter(self._waiting)))
