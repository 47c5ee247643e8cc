"""The page is what the file yields; budgets are judged the right way round; what is missing is said."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks.budgets import BUDGETS, Budget
from benchmarks.report import TITLES, number, render
from benchmarks.results import Figure, Machine, Run, parse_run

DOCS = Path(__file__).resolve().parents[3] / "docs"
RATIO = Budget("requests vs peer", "request", "ours", 2.0, 1.0, ("request", "peer"))
SPEED = Budget("download vs peer", "download", "ours", 0.9, 1.2, ("download", "peer"), at_least=True)
MEMORY = Budget("idle poll", "poll", "ours", 10, 6)


def run_of(*figures: Figure) -> Run:
    machine = Machine("A processor", 2, 3.9, "6.1.0", (("nginx", "1.22.1"), ("Python", "3.11.2")))
    return Run("2026-01-02T03:04:05+00:00", False, machine, (("rounds", 3), ("requests", 40000)), figures)


def two(key: str, ours: float, peer: float) -> Run:
    return run_of(Figure(key, "ours", "us", (ours,)), Figure(key, "peer", "us", (peer,)))


def line_of(page: str, start: str) -> str:
    return next(line for line in page.splitlines() if line.startswith(f"| {start}"))


def test_the_page_is_what_the_file_yields():
    run = parse_run((DOCS / "benchmarks.json").read_text())
    assert (DOCS / "benchmarks.md").read_text() == render(run), "run `python -m benchmarks --render`"


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (50, "goal met"),
        (100, "goal met"),
        (101, "floor met"),
        (200, "floor met"),
        (250, "**floor missed by 25%**"),
    ],
)
def test_a_ratio_that_should_be_small(ours, verdict):
    line = line_of(render(two("request", ours, 100), [RATIO], {}), "requests vs peer")
    assert line.endswith(f"| 2 x | 1 x | {verdict} |")


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (130, "goal met"),
        (120, "goal met"),
        (119, "floor met"),
        (90, "floor met"),
        (45, "**floor missed by 50%**"),
    ],
)
def test_a_ratio_that_should_be_large(ours, verdict):
    line = line_of(render(two("download", ours, 100), [SPEED], {}), "download vs peer")
    assert line.endswith(f"| 0.9 x | 1.2 x | {verdict} |")


def test_an_absolute_budget_shows_the_unit():
    page = render(run_of(Figure("poll", "ours", "KiB", (7.0, 8.0, 90.0))), [MEMORY], {})
    assert line_of(page, "idle poll") == "| idle poll | 8.00 KiB | 10 KiB | 6 KiB | floor met |"


def test_a_missed_floor_says_why_and_a_kept_one_does_not():
    why = {"requests vs peer": "The reason we know."}
    missed = render(two("request", 300, 100), [RATIO], why)
    assert "- **requests vs peer**: The reason we know." in missed
    assert "the reason is not known yet" in render(two("request", 300, 100), [RATIO], {})
    assert "The reason we know." not in render(two("request", 200, 100), [RATIO], why)


def test_what_could_not_be_measured_says_so_and_why():
    run = run_of(
        Figure("request", "ours", "us", (), "it | did not start"), Figure("request", "peer", "us", (3,))
    )
    page = render(run, [RATIO], {})
    assert line_of(page, "requests vs peer") == "| requests vs peer | - | 2 x | 1 x | not measured |"
    assert line_of(page, "ours") == "| ours | not measured | it   did not start |"


def test_a_ratio_needs_both_figures():
    assert RATIO.measure(run_of(Figure("request", "ours", "us", (3,)))) is None
    assert RATIO.measure(run_of(Figure("request", "peer", "us", (3,)))) is None
    assert RATIO.measure(two("request", 3, 0)) is None
    assert RATIO.measure(two("request", 3, 2)) == 1.5


def test_a_quick_run_is_marked():
    run = two("request", 1, 1)
    assert "(quick" not in render(run, [RATIO], {})
    assert "(quick" in render(dataclasses.replace(run, quick=True), [RATIO], {})


def test_every_figure_of_a_run_is_on_the_page():
    page = render(run_of(Figure("a-new-one", "ours", "s", (1.25,)), *two("request", 1, 2).figures), [], {})
    assert "### a-new-one" in page
    assert "| ours | 1.25 s | 1.25 |" in page
    assert f"### {TITLES['request']}" in page


def test_how_is_said_of_what_was_measured_alone():
    page = render(two("stream-p50", 1, 2), [], {})
    assert f"### {TITLES['stream-p50']}" in page
    assert "proxy_buffering off" in page
    assert "sub_filter" not in page
    assert "sub_filter" in render(two("autodiscover-5", 1, 2), [], {})


def test_a_table_that_was_left_out_of_the_last_run_says_of_which_it_is():
    last = run_of().started
    figures = [Figure("request", "ours", "us", (1.0,), run=last), Figure("download", "ours", "MB/s", (2.0,))]
    page = render(run_of(*figures, Figure("upload", "ours", "MB/s", (3.0,), run="2025-12-31T00:00:00+00:00")))
    tables = {table.splitlines()[0]: table for table in page.split("### ")[1:]}
    assert "run of" not in tables[TITLES["request"]]
    assert "Of the run of an earlier day." in tables[TITLES["download"]]
    assert "Of the run of 2025-12-31T00:00:00+00:00." in tables[TITLES["upload"]]


def test_a_sync_is_titled_by_its_size_and_source():
    page = render(run_of(Figure("sync-mirror-100000-first", "ours", "s", (40.0,))), [], {})
    assert "### Sync of 100,000 accounts without a controller, first" in page
    assert "fsync" in page
    assert "KDC" not in page


def test_polls_of_the_large_domain_say_what_had_changed_and_how_it_was_made():
    page = render(run_of(Figure("turn-100000-deleted", "ours", "s", (1.0,))), [], {})
    assert "### Domain of 100,000 accounts, poll by which one account was deleted" in page
    assert "batch mode" in page


def test_budgets_are_consistent():
    for budget in BUDGETS:
        assert budget.key in TITLES or budget.key.startswith("decision-")
        if budget.goal is not None:
            assert budget.meets(budget.goal, budget.floor), f"{budget.work}: the goal is below the floor"
    assert len({budget.work for budget in BUDGETS}) == len(BUDGETS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (0.5, "0.50"), (3.14159, "3.14"), (31.4159, "31.4"), (1234.5, "1,234")],
)
def test_numbers_have_three_digits_or_so(value, text):
    assert number(value) == text
