"""The same authenticated refusal again: a blocked phone knocks without end, and is recorded once in a while."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from handfast.decision.question import Question
from handfast.decision.reasons import Reason
from handfast.identity.records import AccountId
from handfast.identity.sources import counted_source

REPEAT_WINDOW = timedelta(seconds=10)
"""The same refusal is recorded once in this time."""
MAX_REPEATS = 20_000
"""Refusals remembered at a time; the oldest is forgotten first."""

RepeatKey = tuple[AccountId, str, str, str]


class RepeatedRefusals:
    """The last refusal of each account, source, publication and password. Bounded; lost by a restart."""

    def __init__(self, max_repeats: int = MAX_REPEATS) -> None:
        self._max_repeats = max_repeats
        self._last: OrderedDict[RepeatKey, tuple[datetime, Reason]] = OrderedDict()

    def find(self, question: Question) -> Reason | None:
        """Why the like was refused within `REPEAT_WINDOW`; None where it was not."""
        last = self._last.get(_key(question))
        if last is None or question.now - last[0] >= REPEAT_WINDOW:
            return None
        return last[1]

    def remember(self, question: Question, reason: Reason) -> None:
        """Notes a refusal that was recorded."""
        key = _key(question)
        self._last[key] = (question.now, reason)
        self._last.move_to_end(key)
        while len(self._last) > self._max_repeats:
            self._last.popitem(last=False)


def _key(question: Question) -> RepeatKey:
    """What makes two refusals the same one, beside their reason.

    The device id is a mere claim and no part of it: whoever holds one password and makes up ids must not fill the
    trail.
    """
    password = question.authenticated.password
    return (
        question.authenticated.account.id,
        counted_source(question.request.source),
        question.publication.name,
        "" if password is None else str(password.id),
    )
