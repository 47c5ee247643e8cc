"""What is measured of a whole Exchange really happens: Handfast rewrites, passes the same bytes, and streams."""

import dataclasses

import pytest

from benchmarks.driver import QUICK
from benchmarks.measurements import autodiscover, streaming
from benchmarks.report import TITLES

pytestmark = [pytest.mark.needs("nginx", "openssl"), pytest.mark.alone]
TINY = dataclasses.replace(QUICK, rounds=1, autodiscover_answers=50, streams=5)


@pytest.mark.parametrize(("measure", "subjects"), [(autodiscover.measure, {4}), (streaming.measure, {2, 3})])
def test_every_subject_yields_its_figures(measure, subjects):
    figures = list(measure(TINY))
    assert not [figure.missing for figure in figures if figure.missing]
    assert all(figure.value > 0 for figure in figures)
    keys = [figure.key for figure in figures]
    assert set(keys) <= set(TITLES)
    assert {keys.count(key) for key in keys} == subjects
