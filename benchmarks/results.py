"""What a run yields, and its form as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One quantity of one subject. `samples` holds one value a round; none where it could not be measured."""

    key: str
    subject: str
    unit: str
    samples: tuple[float, ...] = ()
    missing: str = ""
    """Why there are no samples; empty where there are."""
    run: str = ""
    """When the run that measured it began, as `Run.started`; empty where that was not written down."""

    def __post_init__(self) -> None:
        if bool(self.samples) == bool(self.missing):
            raise ValueError(f"{self.key} of {self.subject}: either samples or the reason why there are none")

    @property
    def value(self) -> float | None:
        """The median of the rounds."""
        return statistics.median(self.samples) if self.samples else None


@dataclass(frozen=True)
class Machine:
    """Where the run took place."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    versions: tuple[tuple[str, str], ...]
    """(program, version) of everything measured."""


@dataclass(frozen=True)
class Run:
    """One run of the benchmarks."""

    started: str
    """ISO 8601, UTC."""
    quick: bool
    machine: Machine
    settings: tuple[tuple[str, int], ...]
    """(name, value) of the run's sizes: rounds, requests, connections, ..."""
    figures: tuple[Figure, ...] = field(default=())

    def find(self, key: str, subject: str) -> Figure | None:
        """The figure, or None where this run had no such measurement."""
        return next((f for f in self.figures if (f.key, f.subject) == (key, subject)), None)

    def continues(self, last: Run) -> bool:
        """Whether the last run had the same sizes on the same machine; this one may know of further sizes and programs."""
        then, now = last.machine, self.machine
        return (
            replace(then, versions=()) == replace(now, versions=())
            and set(then.versions) <= set(now.versions)
            and set(last.settings) <= set(self.settings)
        )


def encode_run(run: Run) -> str:
    """JSON with one line a figure, so that a new run is a readable diff."""
    head = asdict(run)
    figures = head.pop("figures")
    lines = ",\n    ".join(json.dumps(figure) for figure in figures)
    return json.dumps(head, indent=2)[:-2] + f',\n  "figures": [\n    {lines}\n  ]\n}}\n'


def parse_run(text: str) -> Run:
    """The inverse of `encode_run`."""
    raw = json.loads(text)
    machine = raw["machine"]
    return Run(
        started=raw["started"],
        quick=raw["quick"],
        machine=Machine(**{**machine, "versions": _pairs(machine["versions"])}),
        settings=_pairs(raw["settings"]),
        figures=tuple(Figure(**{**figure, "samples": tuple(figure["samples"])}) for figure in raw["figures"]),
    )


def merge_figures(old: Iterable[Figure], new: Sequence[Figure]) -> tuple[Figure, ...]:
    """`new` in place of the old figures of the same key and subject; the others stay."""
    fresh = {(figure.key, figure.subject) for figure in new}
    return (*(figure for figure in old if (figure.key, figure.subject) not in fresh), *new)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all (0 < share <= 1) don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 1).__int__() - 1)]


def _pairs(raw: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(tuple(pair) for pair in raw)
