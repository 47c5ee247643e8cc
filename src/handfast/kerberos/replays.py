"""The memory of tokens that were taken, so that none is taken twice.

The library keeps such a memory as well, in a file that outlives the process. This one does not depend on how it is set up.
Each node has its own: a token shown to two nodes in the same minutes is taken by both, unless channel bindings tie it to
a connection.

Source: RFC 4120 3.2.3, 10.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from handfast.identity.directory.ports import TicketFailure, TicketRefused
from handfast.identity.ports import Unavailable

WINDOW_SECONDS = 660.0
"""A client's clock may be five minutes ahead, and its token is good for five minutes after; one more for drift."""
MAX_TOKENS = 250_000
"""Some 380 sign-ins a second all through the window, at about 250 bytes each."""
MAX_PER_INITIATOR = 2000
"""Three sign-ins a second all through the window. One service ticket makes any number of tokens, so whoever has one could
fill the memory for everybody.
"""


@dataclass(slots=True)
class _Initiator:
    sid: str
    count: int = 0


class ReplayMemory:
    """Digests of the encrypted authenticators seen within the window. For one thread; `now` is monotonic."""

    def __init__(self, max_tokens: int = MAX_TOKENS, max_per_initiator: int = MAX_PER_INITIATOR) -> None:
        self._max_tokens = max_tokens
        self._max_per_initiator = max_per_initiator
        self._seen: OrderedDict[bytes, tuple[float, _Initiator]] = OrderedDict()
        self._initiators: dict[str, _Initiator] = {}

    def is_first(self, authenticator: bytes, sid: str, now: float) -> bool:
        """True the first time, and from then on False. Only tokens that proved right may come here: others would fill it.

        `sid` is the account whose token it is. Its name would not do: another's tickets may carry it.

        Raises: TicketRefused where that account has shown too many; Unavailable where it is full of others'. Forgetting
        one that may come again is no choice.
        """
        self._sweep(now)
        digest = hashlib.sha256(authenticator).digest()[:16]
        if digest in self._seen:
            return False
        shown = self._initiators.get(sid) or _Initiator(sid)
        if shown.count >= self._max_per_initiator:
            raise TicketRefused(TicketFailure.REFUSED, f"{sid} has shown too many tokens in the last minutes")
        if len(self._seen) >= self._max_tokens:
            raise Unavailable("too many Kerberos sign-ins in the last minutes to remember each")
        shown.count += 1
        self._initiators[sid] = shown
        self._seen[digest] = now + WINDOW_SECONDS, shown
        return True

    def _sweep(self, now: float) -> None:
        while self._seen and next(iter(self._seen.values()))[0] <= now:
            _, (_, shown) = self._seen.popitem(last=False)
            shown.count -= 1
            if not shown.count:
                del self._initiators[shown.sid]
