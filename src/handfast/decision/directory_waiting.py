"""How many requests may wait for a domain controller at once: what a frozen one holds is not there for others.

A request that waits here holds one of the connections between its gateway and identity, of which sign-ins by app
password need some too. Two kinds wait: those whose password a controller is asked about, and those of which it is not
asked, which hear from one all the same, so that what they are told is as true for a name that nobody has. What shuts the
door is the same for both.

A source has as many places to ask as are free beside those it holds: alone it gets half of them, the next one half of the
rest, so that no single client leaves nothing to the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

MAX_ASKING = 16
MAX_LOOKING = 8
"""Together less than a gateway's connections to identity, `identity_api.client_pool.MAX_CONNECTIONS`."""
FRESH = timedelta(seconds=0.5)
"""A controller that answered so lately does for those who find no room to wait for another word. Short, for one that froze
since is not noticed; longer than a look takes, else a flood of invented names would shut out who has a right password.
"""


class DirectoryWaiting:
    """The requests of one identity process that wait for a domain controller. For one thread."""

    def __init__(self, max_asking: int = MAX_ASKING, max_looking: int = MAX_LOOKING) -> None:
        self._max_asking = max_asking
        self._max_looking = max_looking
        self._asking: Counter[str] = Counter()
        self._looking = 0
        self._heard_at: datetime | None = None
        self._is_password_lost = False

    def is_closed(self, now: datetime, source: str) -> bool:
        """True where nobody more from `source` may wait, neither to ask nor to look: all of them hear that nobody answers.

        Guesses at invented names alone don't close it while controllers answer.
        """
        free = self._max_asking - self._asking.total()
        return self._asking[source] >= free or (self.has_many_looking and not self._is_fresh(now))

    @property
    def has_many_looking(self) -> bool:
        """True where one more has to do with what was heard last."""
        return self._looking >= self._max_looking

    @contextmanager
    def asking(self, source: str) -> Iterator[None]:
        """While a controller is asked about a password."""
        self._asking[source] += 1
        try:
            yield
        finally:
            self._asking -= Counter((source,))  # which keeps no zeros

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While it is found out whether one answers at all."""
        self._looking += 1
        try:
            yield
        finally:
            self._looking -= 1

    def heard(self, now: datetime) -> None:
        """A controller answered."""
        self._heard_at = now

    @property
    def is_password_lost(self) -> bool:
        """True where the last password that was sent got no answer in time: a controller may answer all but those."""
        return self._is_password_lost

    def password_lost(self) -> None:
        """A password was sent, and no answer came, or too late for who waited."""
        self._is_password_lost = True

    def password_answered(self) -> None:
        """Somebody heard in time what became of his password."""
        self._is_password_lost = False

    def _is_fresh(self, now: datetime) -> bool:
        return self._heard_at is not None and timedelta(0) <= now - self._heard_at < FRESH
