"""`python -m benchmarks [--quick] [--only NAME]...`: measures, writes docs/benchmarks.json and from it docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.backend import ROOT
from benchmarks.driver import FULL, QUICK
from benchmarks.machine import describe_machine
from benchmarks.measurements.registry import MEASUREMENTS
from benchmarks.report import render
from benchmarks.results import Figure, Run, encode_run, merge_figures, parse_run
from tests.servers.processes import ServerDidNotStart

JSON_FILE = ROOT / "docs" / "benchmarks.json"
PAGE_FILE = ROOT / "docs" / "benchmarks.md"


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, under two minutes, rough figures")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*MEASUREMENTS],
        metavar="NAME",
        help=f"one of {', '.join(MEASUREMENTS)}; repeatable; the other figures of the last run of this size stay",
    )
    parser.add_argument("--render", action="store_true", help="measure nothing, write the page anew")
    parser.add_argument("--output", type=Path, help="write the JSON here instead, and no page")
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> Run:
    """Runs what was asked for."""
    scale = QUICK if arguments.quick else FULL
    started = datetime.now(UTC).isoformat(timespec="seconds")
    figures: list[Figure] = []
    for name in arguments.only or MEASUREMENTS:
        begun = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures += MEASUREMENTS[name](scale)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    dated = tuple(replace(figure, run=started) for figure in figures)
    run = Run(started, arguments.quick, describe_machine(), tuple(asdict(scale).items()), dated)
    return _with_last_run(run) if arguments.only else run


def _with_last_run(run: Run) -> Run:
    """Adds the figures that this run left out, if the last one was of the same size on the same machine."""
    if not JSON_FILE.exists():
        return run
    last = parse_run(JSON_FILE.read_text())
    if not run.continues(last):
        print("the last run was another one: its figures are dropped", file=sys.stderr)
        return run
    return Run(run.started, run.quick, run.machine, run.settings, merge_figures(last.figures, run.figures))


def main() -> int:
    """Exit 0: written; 1: a peer isn't installed or didn't start."""
    arguments = read_arguments()
    if arguments.render:
        PAGE_FILE.write_text(render(parse_run(JSON_FILE.read_text())))
        return 0
    try:
        run = measure(arguments)
    except ServerDidNotStart as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    if arguments.output:
        arguments.output.write_text(encode_run(run))
        return 0
    JSON_FILE.write_text(encode_run(run))
    PAGE_FILE.write_text(render(run))
    print(f"written: {PAGE_FILE.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
