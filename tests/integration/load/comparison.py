"""How well a threshold on one number tells two samples apart."""

from __future__ import annotations

from collections.abc import Sequence


def auc(first: Sequence[float], second: Sequence[float]) -> float:
    """The chance that a random value of `first` is below one of `second` (ties count half), or the reverse: 0.5 to 1.

    That is the area under the ROC curve, by the Mann-Whitney rank sum.
    """
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        mean_rank = (at + 1 + end) / 2
        rank_sum += mean_rank * sum(1 for one in ranked[at:end] if one[1] == 0)
        at = end
    count = len(first)
    below = (rank_sum - count * (count + 1) / 2) / (count * len(second))
    return max(below, 1 - below)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
