"""Collects the samples of one measurement, and what could not be measured and why."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from benchmarks.driver import LoadFailed
from benchmarks.handfast_subject import NotMeasurable
from benchmarks.results import Figure


class Rounds:
    """Samples by subject, in the order the subjects first appear."""

    def __init__(self, key: str, unit: str) -> None:
        self.key = key
        self.unit = unit
        self.samples: dict[str, list[float]] = {}
        self.missing: dict[str, str] = {}

    def add(self, subject: str, value: float) -> None:
        """One round's value."""
        self.samples.setdefault(subject, []).append(value)
        print(f"  {self.key}: {subject}: {value:.2f} {self.unit}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def note_missing(self, *subjects: str) -> Iterator[None]:
        """A subject that fails is recorded as not measured, with the reason; the others go on."""
        try:
            yield
        except (NotMeasurable, LoadFailed) as error:
            for subject in subjects:
                self.miss(subject, str(error))

    def miss(self, subject: str, why: str) -> None:
        """The subject can't be measured; the first reason is kept."""
        self.missing.setdefault(subject, why)
        self.samples.pop(subject, None)
        print(f"  {self.key}: {subject}: not measured: {why}", file=sys.stderr, flush=True)

    def figures(self) -> Iterator[Figure]:
        """One figure a subject. A subject that failed once has no median: its other rounds are dropped."""
        for subject, values in self.samples.items():
            if subject not in self.missing:
                yield Figure(self.key, subject, self.unit, tuple(round(value, 4) for value in values))
        for subject, why in self.missing.items():
            yield Figure(self.key, subject, self.unit, (), why)
