"""The memory of tokens that were taken, so that none is taken twice.

The library keeps such a memory as well, in a file that outlives the process. This one does not depend on how it is set up.
Each node has its own: a token shown to two nodes in the same minutes is taken by both, unless channel bindings tie it to
a connection.

Source: RFC 4120 3.2.3, 10.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from handfast.identity.ports import Unavailable

WINDOW_SECONDS = 660.0
"""A client's clock may be five minutes ahead, and its token is good for five minutes after; one more for drift."""
MAX_TOKENS = 250_000
"""Some 380 sign-ins a second all through the window, at about 150 bytes each."""


class ReplayMemory:
    """Digests of the encrypted authenticators seen within the window. For one thread; `now` is monotonic."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._max_tokens = max_tokens
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def is_first(self, authenticator: bytes, now: float) -> bool:
        """True the first time, and from then on False. Only tokens that proved right may come here: others would fill it.

        Raises: Unavailable where it is full; forgetting one that may come again is no choice.
        """
        while self._seen and next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)
        digest = hashlib.sha256(authenticator).digest()[:16]
        if digest in self._seen:
            return False
        if len(self._seen) >= self._max_tokens:
            raise Unavailable("too many Kerberos sign-ins in the last minutes to remember each")
        self._seen[digest] = now + WINDOW_SECONDS
        return True
