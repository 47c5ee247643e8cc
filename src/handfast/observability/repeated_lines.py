"""Requests that were wrong in the same way again: one line for the first, then a count now and then.

A phone with a stale password asks each minute for days. The first refusal has a line like any other; of those that
follow, the newest stands for all, with their number, each `REPORT_EVERY_SECONDS`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handfast.observability.decisions import DecisionRecord

REPORT_EVERY_SECONDS = 600.0
MAX_KINDS = 4096
"""Kinds counted at a time; where there are more, the one that began longest ago is told early."""

_Kind = tuple[str, str, str, str, str]


class RepeatedLines:
    """The repeats that wait to be told, by (publication, source, login, device, reason)."""

    def __init__(self, max_kinds: int = MAX_KINDS) -> None:
        self._max_kinds = max_kinds
        self._waiting: OrderedDict[_Kind, tuple[int, DecisionRecord]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, record: DecisionRecord) -> DecisionRecord | None:
        """Counts one; returns what must be told now to make room, if anything."""
        kind = (record.publication, record.source, record.login, record.device_id, record.reason.value)
        count, _ = self._waiting.get(kind, (0, record))
        self._waiting[kind] = (count + 1, record)
        if len(self._waiting) <= self._max_kinds:
            return None
        _, (evicted, last) = self._waiting.popitem(last=False)
        return replace(last, repeats=evicted)

    def take(self) -> list[DecisionRecord]:
        """Everything that waits, each with its number in `repeats`."""
        told = [replace(last, repeats=count) for count, last in self._waiting.values()]
        self._waiting.clear()
        return told
