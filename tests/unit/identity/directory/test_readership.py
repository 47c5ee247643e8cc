from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.identity.directory.entries import Readership
from handfast.identity.directory.readership import (
    ReadershipLost,
    check_readership,
    give_up_reading,
    go_on_reading,
)
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRepositories, Tables

LASTS = timedelta(seconds=45)


@pytest.fixture
def repositories():
    return InMemoryRepositories(Tables(), FakeKeyRing(), "test")


def go_on(repositories, reader, seconds=0, stalled=None):
    now = START + timedelta(seconds=seconds)
    return go_on_reading(repositories, reader, now=now, lasts=LASTS, stalled=stalled)


def test_one_reads_for_as_long_as_it_goes_on(repositories):
    first = go_on(repositories, "a")
    assert first == Readership("a", 1, START + LASTS)
    assert go_on(repositories, "b", 44) == first
    second = go_on(repositories, "a", 44)
    assert second == Readership("a", 1, START + timedelta(seconds=89))
    assert go_on(repositories, "b", 89, stalled=first) == second, "it went on meanwhile"


def test_another_takes_over_when_it_does_not_go_on_and_what_it_still_has_is_refused(repositories):
    first = go_on(repositories, "a")
    check_readership(repositories, first)
    second = go_on(repositories, "b", 45, stalled=first)
    assert (second.reader, second.term) == ("b", 2)
    with pytest.raises(ReadershipLost):
        check_readership(repositories, first)
    check_readership(repositories, second)
    third = go_on(repositories, "a", 90, stalled=second)
    assert third.term == 3
    with pytest.raises(ReadershipLost):
        check_readership(repositories, first)


def test_who_ran_late_but_met_nobody_goes_on(repositories):
    first = go_on(repositories, "a")
    assert go_on(repositories, "a", 900).term == 1
    check_readership(repositories, first)


def test_who_gives_up_is_followed_at_once_unless_it_comes_back_first(repositories):
    give_up_reading(repositories, "a")
    assert repositories.positions.readership() is None
    first = go_on(repositories, "a")
    give_up_reading(repositories, "b")
    assert go_on(repositories, "b", 1) == first, "it was not its to give up"
    give_up_reading(repositories, "a")
    assert go_on(repositories, "a", 1).term == first.term
    give_up_reading(repositories, "a")
    assert go_on(repositories, "b", -3600).term == 2


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong_takes_the_reading_from_nobody(repositories, hours):
    first = go_on(repositories, "a")
    assert go_on(repositories, "b", 3600 * hours) == first


def test_records_that_know_of_no_reader_store_nothing(repositories):
    with pytest.raises(ReadershipLost):
        check_readership(repositories, Readership("a", 1, START))
