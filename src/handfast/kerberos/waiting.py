"""Contexts that wait for the service's own proof, by handles nobody can guess."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from handfast.kerberos.mechanism import Initiation

MAX_WAITING = 8192
"""Some 4 KiB each. A service that never answers with a proof leaves them here until they end."""
SECONDS = 60.0
"""A back end that answers its first request later has no proof asked of it any more: the sign-in fails."""


class WaitingContexts:
    """For one thread; `now` is monotonic. The oldest make room, and ended ones go whenever one comes."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: OrderedDict[str, tuple[float, Initiation]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, initiation: Initiation, now: float) -> str:
        """The handle, good for a minute and one use."""
        self._sweep(now)
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popitem(last=False)
        handle = secrets.token_urlsafe(18)
        self._waiting[handle] = (now + SECONDS, initiation)
        return handle

    def take(self, handle: str, now: float) -> Initiation | None:
        """The context, which is gone from here afterwards; None for an unknown or ended handle."""
        self._sweep(now)
        found = self._waiting.pop(handle, None)
        return None if found is None else found[1]

    def clear(self) -> None:
        """Forgets all."""
        self._waiting.clear()

    def _sweep(self, now: float) -> None:
        while self._waiting and next(iter(self._waiting.values()))[0] <= now:
            self._waiting.popitem(last=False)
