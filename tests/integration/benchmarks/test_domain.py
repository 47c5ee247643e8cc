"""What is measured of a domain really happens: accounts are read and stored, people found, tokens made."""

import dataclasses

import pytest

from benchmarks.driver import QUICK
from benchmarks.measurements import directory, large_domain, tickets
from benchmarks.report import TITLES

pytestmark = pytest.mark.needs("samba", "samba-tool", "ldbmodify", "kinit", "pg_ctlcluster")
TINY = dataclasses.replace(
    QUICK, rounds=1, tickets=3, domain_people=20, mirrored_people=50, lookups=4, large_domain_people=40
)


@pytest.mark.parametrize(
    ("measure", "count"), [(directory.measure, 9), (tickets.measure, 2), (large_domain.measure, 10)]
)
def test_every_figure_is_there(measure, count):
    figures = list(measure(TINY))
    assert not [figure.missing for figure in figures if figure.missing]
    assert len({figure.key for figure in figures}) == count
    for figure in figures:
        assert figure.key in TITLES or figure.key.startswith(("sync-", "turn-"))
        assert figure.value >= 0 if figure.unit == "MiB" else figure.value > 0
