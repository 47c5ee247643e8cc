"""Learning what a publication refuses by its application rules, so that an administrator sees what a real client lacks.

Nothing is let through for it (docs/decisions says why). What was wanted is collected by method, rule and a path with
its variable parts taken out; each kind is logged when it comes first, and then at each tenfold number, so that a
flood of requests is a handful of lines.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handfast.decision.reasons import Reason

if TYPE_CHECKING:
    from handfast.gateway.refusal import Refusal
    from handfast.protocols.http1.head import RequestHead

LESSONS = frozenset({Reason.UNKNOWN_PATH, Reason.QUERY_REFUSED, Reason.METHOD_REFUSED})
"""What the application rules refuse. Named refusals and broken messages teach nothing: they stay refused."""
MAX_KINDS = 200
MAX_SAMPLE_CHARACTERS = 160

_log = logging.getLogger(__name__)
_VARIABLES = (
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "{guid}"),
    (re.compile(r"[^/@]{1,64}@[^/]{1,255}"), "{mail}"),
    (re.compile(r"[0-9]{3,}"), "{n}"),
)

Kind = tuple[str, str, str, str]
"""Reason, rule ("" where none has the path), method, path with its variable parts taken out."""


@dataclass(slots=True)
class Lesson:
    """One kind of refused request. Times are seconds since 1970; `sample` is the first such target, without values.

    `credentials` counts those that brought any: a real client does, a scanner seldom.
    """

    sample: str
    agent: str
    first_seen: float
    last_seen: float = 0.0
    count: int = 0
    credentials: int = 0


class Lessons:
    """What one worker has learnt of one publication since it began to serve it."""

    __slots__ = ("_clock", "_publication", "kinds", "uncounted")

    def __init__(self, publication: str, clock: Callable[[], float] = time.time) -> None:
        self._publication = publication
        self._clock = clock
        self.kinds: dict[Kind, Lesson] = {}
        self.uncounted = 0

    def note(self, refusal: Refusal, head: RequestHead) -> None:
        """Counts a refusal. Past MAX_KINDS kinds, new ones are counted together."""
        now = self._clock()
        kind = (refusal.reason.value, refusal.rule, head.method.decode("ascii"), general_path(refusal.path))
        lesson = self.kinds.get(kind)
        if lesson is None:
            if len(self.kinds) >= MAX_KINDS:
                self._overflow()
                return
            agent = head.fields.get(b"user-agent", b"").decode("latin-1")[:MAX_SAMPLE_CHARACTERS]
            lesson = self.kinds[kind] = Lesson(_sample(refusal.path, head.target), agent, now)
        lesson.count += 1
        lesson.last_seen = now
        lesson.credentials += b"authorization" in head.fields
        if _is_told(lesson.count):
            self._tell(kind, lesson)

    def _overflow(self) -> None:
        self.uncounted += 1
        if _is_told(self.uncounted):
            _log.info("learning %s: %d refusals of further kinds", self._publication, self.uncounted)

    def _tell(self, kind: Kind, lesson: Lesson) -> None:
        reason, rule, method, path = kind
        _log.info(
            "learning %s: would refuse, and did: %s %s reason=%s rule=%s count=%d with_credentials=%d"
            " first=%s last=%s sample=%s agent=%s",
            self._publication,
            method,
            path,
            reason,
            rule or "-",
            lesson.count,
            lesson.credentials,
            _shown_time(lesson.first_seen),
            _shown_time(lesson.last_seen),
            ascii(lesson.sample),
            ascii(lesson.agent),
        )


def general_path(path: str) -> str:
    """The path without what differs from person to person."""
    for pattern, name in _VARIABLES:
        path = pattern.sub(name, path)
    return path[:MAX_SAMPLE_CHARACTERS]


def _sample(path: str, target: bytes) -> str:
    """Path and the names in the query. Its values stay out of the log: they may be anybody's."""
    query = target.partition(b"?")[2].decode("ascii", "replace")
    names = "&".join(item.partition("=")[0] for item in query.split("&"))
    return (f"{path}?{names}" if query else path)[:MAX_SAMPLE_CHARACTERS]


def _is_told(count: int) -> bool:
    return str(count).rstrip("0") == "1"


def _shown_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
