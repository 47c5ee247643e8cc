from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.identity.directory.entries import Readership
from handfast.identity.directory.readership import (
    LONGEST,
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


def go_on(repositories, reader, seconds=0):
    return go_on_reading(repositories, reader, now=START + timedelta(seconds=seconds), lasts=LASTS)


def test_one_reads_for_as_long_as_it_goes_on(repositories):
    assert go_on(repositories, "a") == Readership("a", 1, START + LASTS)
    assert go_on(repositories, "b", 44) is None
    assert go_on(repositories, "a", 44) == Readership("a", 1, START + timedelta(seconds=89))
    assert go_on(repositories, "b", 88) is None


def test_another_takes_over_when_it_does_not_go_on_and_what_it_still_has_is_refused(repositories):
    first = go_on(repositories, "a")
    check_readership(repositories, first)
    second = go_on(repositories, "b", 45)
    assert (second.reader, second.term) == ("b", 2)
    with pytest.raises(ReadershipLost):
        check_readership(repositories, first)
    check_readership(repositories, second)
    third = go_on(repositories, "a", 90)
    assert third.term == 3
    with pytest.raises(ReadershipLost):
        check_readership(repositories, first)


def test_who_ran_late_but_met_nobody_goes_on(repositories):
    first = go_on(repositories, "a")
    assert go_on(repositories, "a", 900).term == 1
    check_readership(repositories, first)


def test_who_gives_up_is_followed_at_once_unless_it_comes_back_first(repositories):
    give_up_reading(repositories, "a", START)
    assert repositories.positions.readership() is None
    first = go_on(repositories, "a")
    give_up_reading(repositories, "b", START)
    assert go_on(repositories, "b", 1) is None, "it was not its to give up"
    give_up_reading(repositories, "a", START)
    assert go_on(repositories, "a", 1).term == first.term
    give_up_reading(repositories, "a", START + timedelta(seconds=2))
    assert go_on(repositories, "b", 2).term == 2


def test_an_end_that_a_wrong_clock_set_keeps_nobody_from_reading(repositories):
    repositories.positions.save_readership(Readership("a", 7, START + LONGEST + timedelta(seconds=1)))
    assert go_on(repositories, "b").term == 8


def test_records_that_know_of_no_reader_store_nothing(repositories):
    with pytest.raises(ReadershipLost):
        check_readership(repositories, Readership("a", 1, START))
