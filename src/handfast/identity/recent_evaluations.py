"""Refusals of nobody in particular: kept for `explain` in a bounded ring, and stored sparsely.

Whoever has no credential of ours must not be able to fill the disk or to occupy the database's writer. So such
evaluations wait here; a bounded number goes to the records in one transaction now and then, and in a flood the oldest
are dropped and counted.
"""

from __future__ import annotations

from collections import OrderedDict

from handfast.identity.ports import Records, Repositories
from handfast.identity.records import Evaluation

CAPACITY = 2_000
FLUSH_BATCH = 50
"""Evaluations stored by one flush; flushed each second, that is at most about 4.3 million rows a day."""


class RecentEvaluations:
    """A ring of evaluations by request id."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: OrderedDict[str, Evaluation] = OrderedDict()
        self.dropped = 0

    def add(self, evaluation: Evaluation) -> None:
        """Keeps one, at the cost of the oldest."""
        self._waiting[evaluation.request_id] = evaluation
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
                repositories.evaluations.add(evaluation)

        await records.write(store)
        for evaluation in taken:
            self._waiting.pop(evaluation.request_id, None)
        return len(taken)
