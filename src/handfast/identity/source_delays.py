"""How long a failed guess waits, by its source. Kept in memory: a flood of guesses writes nothing.

Only failures wait. A generated secret is evaluated whatever stands here, so nobody can lock a phone out by failing
beside it on the same network.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from handfast.identity.sources import counted_source

WINDOW = timedelta(minutes=15)
FREE_FAILURES = 5
"""Failures of a source that do not wait yet: somebody types a password wrong."""
STEP_SECONDS = 0.25
MAX_DELAY_SECONDS = 5.0
MAX_SOURCES = 65_536
"""Sources watched at a time; the one that failed longest ago is forgotten first."""
NTLM_REPEAT = timedelta(minutes=10)
"""Windows clients send the same wrong secret several times: one failure each (account, source, workstation)."""


class SourceDelays:
    """Failures by source, and what the next one must wait."""

    def __init__(self, max_sources: int = MAX_SOURCES) -> None:
        self._max_sources = max_sources
        self._failures: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._ntlm_seen: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def record_failure(self, source: str, now: datetime) -> float:
        """Counts one failure and returns the seconds its answer must wait."""
        key = counted_source(source)
        since, failures = self._failures.get(key, (now, 0))
        if since + WINDOW <= now:
            since, failures = now, 0
        self._failures[key] = (since, failures + 1)
        self._failures.move_to_end(key)
        while len(self._failures) > self._max_sources:
            self._failures.popitem(last=False)
        return _delay(failures + 1)

    def record_ntlm_failure(self, name: str, source: str, workstation: str, now: datetime) -> float:
        """As `record_failure`, once in ten minutes for one (account name, source, workstation)."""
        key = (name, counted_source(source), workstation)
        if self.is_ntlm_repeat(name, source, workstation, now):
            return self.delay_of(source, now)
        self._ntlm_seen[key] = now
        self._ntlm_seen.move_to_end(key)
        while len(self._ntlm_seen) > self._max_sources:
            self._ntlm_seen.popitem(last=False)
        return self.record_failure(source, now)

    def is_ntlm_repeat(self, name: str, source: str, workstation: str, now: datetime) -> bool:
        """True where that very failure was counted within the last ten minutes."""
        last = self._ntlm_seen.get((name, counted_source(source), workstation))
        return last is not None and now - last < NTLM_REPEAT

    def delay_of(self, source: str, now: datetime) -> float:
        """What the source's last failure had to wait, without counting another one."""
        return _delay(self.failures_of(source, now))

    def failures_of(self, source: str, now: datetime) -> int:
        """Failures of the source in the window that is running."""
        since, failures = self._failures.get(counted_source(source), (now, 0))
        return failures if since + WINDOW > now else 0

    def clear(self, source: str | None = None) -> int:
        """Forgets one source, or all; how many were forgotten."""
        if source is not None:
            return 0 if self._failures.pop(counted_source(source), None) is None else 1
        count = len(self._failures)
        self._failures.clear()
        self._ntlm_seen.clear()
        return count


def _delay(failures: int) -> float:
    return min(MAX_DELAY_SECONDS, max(0, failures - FREE_FAILURES) * STEP_SECONDS)
