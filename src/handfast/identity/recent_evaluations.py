"""Refusals of nobody in particular: kept for `explain` in a bounded ring, and stored sparsely.

Whoever has no credential of ours must not be able to fill the disk or to occupy the database's writer. So such
evaluations wait here; a bounded number goes to the records in one transaction now and then, and in a flood the oldest
are dropped and counted.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from handfast.identity.ports import Records, Repositories
from handfast.identity.records import Evaluation

CAPACITY = 2_000
FLUSH_BATCH = 50
"""Evaluations stored by one flush; flushed each second, that is at most about 4.3 million rows a day."""


GATEWAY_STAGE = "gateway"
"""The stage of what a gateway reports: it refused by itself, before identity was asked or after it said yes."""


def is_report(evaluation: Evaluation) -> bool:
    """True for what a gateway tells of a request, in contrast to what was decided here."""
    return bool(evaluation.stages) and evaluation.stages[0].stage == GATEWAY_STAGE


def complete(decided: Evaluation | None, later: Evaluation) -> Evaluation:
    """What is known of one request: our decision, and after it what its own gateway reports of the request's end."""
    if decided is None or not is_report(later) or is_report(decided):
        return later
    if decided.node != later.node or decided.reason == later.reason:
        return decided
    stages = (*decided.stages, *later.stages)
    return replace(decided, outcome=later.outcome, reason=later.reason, stages=stages)


class RecentEvaluations:
    """A ring of evaluations by request id."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: OrderedDict[str, Evaluation] = OrderedDict()
        self.dropped = 0

    def add(self, evaluation: Evaluation) -> None:
        """Keeps one, at the cost of the oldest; a gateway's report completes the decision that waits."""
        waiting = self._waiting.get(evaluation.request_id)
        self._waiting[evaluation.request_id] = complete(waiting, evaluation)
        while len(self._waiting) > self._capacity:
            self._waiting.popitem(last=False)
            self.dropped += 1

    def find(self, request_id: str) -> Evaluation | None:
        """One that waits still."""
        return self._waiting.get(request_id)

    async def flush(self, records: Records, batch: int = FLUSH_BATCH) -> int:
        """Stores the newest `batch` of those waiting; how many. Raises: Unavailable, and they wait on then."""
        taken = list(self._waiting.values())[-batch:]
        if not taken:
            return 0

        def store(repositories: Repositories) -> None:
            for evaluation in taken:
                stored = (
                    repositories.evaluations.find(evaluation.request_id) if is_report(evaluation) else None
                )
                whole = complete(stored, evaluation)
                if whole != stored:
                    repositories.evaluations.add(whole)

        await records.write(store)
        for evaluation in taken:
            self._waiting.pop(evaluation.request_id, None)
        return len(taken)
