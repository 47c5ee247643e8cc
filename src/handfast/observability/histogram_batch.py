"""Observations collected in this process and handed to a Prometheus histogram together.

`Histogram.observe` writes twice into a file that is shared between processes; for thousands of requests a second that
is felt, and the sum of a second's observations says the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Histogram


class HistogramBatch:
    """Counts by bucket; `bounds` are the upper bounds the histogram was made with, without infinity."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def move_to(self, histogram: Histogram, *labels: str) -> None:
        """Adds everything to the child of `histogram` with these labels, and begins anew."""
        if not any(self._counts):
            return
        child = histogram.labels(*labels)
        # The client has no call for many observations: these are the two places its `observe` itself writes to.
        child._sum.inc(self._sum)  # noqa: SLF001
        for bucket, count in zip(child._buckets, self._counts, strict=True):  # noqa: SLF001
            if count:
                bucket.inc(count)
        self._counts = [0] * len(self._counts)
        self._sum = 0.0
