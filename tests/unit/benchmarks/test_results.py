"""Runs survive their JSON; medians and percentiles are what they are called."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.results import Figure, Machine, Run, encode_run, merge_figures, parse_run, percentile

finite = st.floats(allow_nan=False, allow_infinity=False)
measured = st.builds(
    Figure, key=st.text(), subject=st.text(), unit=st.text(), samples=st.lists(finite, min_size=1).map(tuple)
)
missing = st.builds(Figure, key=st.text(), subject=st.text(), unit=st.text(), missing=st.text(min_size=1))
machines = st.builds(
    Machine,
    processor=st.text(),
    cores=st.integers(),
    memory_gib=finite,
    kernel=st.text(),
    versions=st.lists(st.tuples(st.text(), st.text())).map(tuple),
)
runs = st.builds(
    Run,
    started=st.text(),
    quick=st.booleans(),
    machine=machines,
    settings=st.lists(st.tuples(st.text(), st.integers())).map(tuple),
    figures=st.lists(measured | missing).map(tuple),
)


@given(runs)
def test_a_run_survives_its_json(run):
    assert parse_run(encode_run(run)) == run


def test_each_figure_has_a_line_of_its_own():
    machine = Machine("p", 1, 1.0, "6", ())
    figures = tuple(Figure("k", name, "us", (1.0, 2.0)) for name in "abc")
    text = encode_run(Run("now", False, machine, (), figures))
    assert json.loads(text)["figures"][1]["subject"] == "b"
    assert sum('"subject"' in line for line in text.splitlines()) == 3


def test_the_value_is_the_median():
    assert Figure("k", "s", "us", (9.0, 1.0, 2.0)).value == 2.0
    assert Figure("k", "s", "us", (), "broken").value is None


@pytest.mark.parametrize(("samples", "why"), [((), ""), ((1.0,), "broken")])
def test_a_figure_has_samples_or_a_reason(samples, why):
    with pytest.raises(ValueError, match="either samples or the reason"):
        Figure("k", "s", "us", samples, why)


def test_new_figures_replace_old_ones_of_the_same_name():
    old = [Figure("k", "a", "us", (1.0,)), Figure("k", "b", "us", (2.0,))]
    new = [Figure("k", "b", "us", (3.0,)), Figure("j", "b", "us", (4.0,))]
    assert merge_figures(old, new) == (old[0], *new)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5], 0.5, 5),
        ([1, 2, 3, 4], 0.5, 2),
        (range(1, 101), 0.99, 99),
        (range(1, 101), 1.0, 100),
        ([3, 1, 2], 0.99, 3),
    ],
)
def test_percentiles_are_values_that_occurred(values, share, expected):
    assert percentile(list(values), share) == expected


def test_a_run_continues_one_of_the_same_sizes_on_the_same_machine():
    machine = Machine("p", 1, 1.0, "6", (("Python", "3.11"),))
    last = Run("then", False, machine, (("rounds", 3),))
    assert Run("now", False, machine, (("rounds", 3),)).continues(last)
    wider = replace(machine, versions=(*machine.versions, ("Samba", "4.17")))
    assert Run("now", False, wider, (("rounds", 3), ("tickets", 40))).continues(last)
    assert not last.continues(Run("now", False, wider, (("rounds", 3),)))
    assert not Run("now", False, machine, (("rounds", 1),)).continues(last)
    assert not Run("now", False, replace(machine, cores=2), (("rounds", 3),)).continues(last)
    assert not Run("now", False, replace(machine, versions=(("Python", "3.12"),)), last.settings).continues(
        last
    )
