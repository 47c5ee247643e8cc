"""The threads that ask KDCs, apart for each realm of accounts.

A silent KDC holds a thread that asks it for some 50 seconds, and where an account is of another realm that realm's KDC is asked as
well. Its silence must cost our own accounts nothing: each other realm has a small share of threads of its own, and a breaker.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from handfast.identity.circuit_breaker import CircuitBreaker
from handfast.kerberos.service_account import ServiceAccount
from handfast.kerberos.workers import Workers
from handfast.observability.logging import event_log

MAX_COLD_WAITING = 256
"""At 10 ms a ticket and eight threads, a queue of a third of a second."""
OTHER_SHARE = 4
"""Another realm has one thread for so many of ours."""
MAX_OTHER_REALMS = 16
"""What is beyond that shares one lane."""
FAILURES_TO_OPEN = 3
"""One silent answer may be one lost packet; three in a row are a KDC that is away."""
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
"""A silent KDC holds the thread that asks it for some 50 seconds, so tries must not come faster than threads return."""

_REST = "*"
_LOG = event_log("kerberos")


@dataclass(slots=True)
class Lane:
    """Where questions for accounts of `realm` (in capitals) are put, and what is known of the KDCs that answer them.

    Who gets no answer may have waited in our own queue all the time. Silence is thus what is heard of nobody: a question counts
    as met with silence only if no answer came to any other since it was put. That holds while a question waits for its turn
    as well, so that however few threads there are, those that hang are noticed.
    """

    realm: str
    is_own: bool
    workers: Workers[ServiceAccount] = field(repr=False)
    breaker: CircuitBreaker = field(repr=False)
    heard_at: float = -math.inf

    def note_answer(self, now: float) -> None:
        """A KDC said something, be it no, be it late."""
        self.heard_at = now
        if self.breaker.succeeded():
            _LOG.info("kdc-answers-again", realm=self.realm)

    def note_silence(self, asked_at: float, now: float, why: str) -> bool:
        """A question put at `asked_at` was not answered. False where that says nothing of the KDCs."""
        if self.heard_at > asked_at:
            return False
        if self.breaker.failed(now, why):
            _LOG.warning("kdc-silent", realm=self.realm, why=why)
        return True


class Lanes:
    """For one thread. `threads` are our own realm's; each has a `ServiceAccount` by `new_account`."""

    def __init__(self, realm: str, threads: int, new_account: Callable[[], ServiceAccount]) -> None:
        self._threads = threads
        self._new_account = new_account
        self._own = self._new(realm.upper(), is_own=True)
        self._others: dict[str, Lane] = {}

    def of(self, realm: str) -> Lane:
        """The lane of an account's realm, which is given in capitals."""
        if realm == self._own.realm:
            return self._own
        if realm not in self._others and len(self._others) >= MAX_OTHER_REALMS:
            realm = _REST
        if realm not in self._others:
            self._others[realm] = self._new(realm, is_own=False)
        return self._others[realm]

    def close(self) -> None:
        """Ends the threads that are idle; the others end with what they wait for."""
        for lane in (self._own, *self._others.values()):
            lane.workers.close()

    def _new(self, realm: str, *, is_own: bool) -> Lane:
        count = self._threads if is_own else max(1, self._threads // OTHER_SHARE)
        workers = Workers(f"kerberos-kdc-{realm}", count, MAX_COLD_WAITING, self._new_account)
        breaker = CircuitBreaker(
            failures=FAILURES_TO_OPEN, first_pause=FIRST_PAUSE_SECONDS, longest_pause=LONGEST_PAUSE_SECONDS
        )
        return Lane(realm, is_own, workers, breaker)
