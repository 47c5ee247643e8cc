"""CPU time of a tree of processes."""

import os

import pytest

from benchmarks.processes import cpu_between, cpu_seconds, rss_kib


def test_our_own_time_grows_and_our_memory_is_there():
    before = cpu_seconds(os.getpid())
    sum(range(2_000_000))
    used = cpu_between(before, cpu_seconds(os.getpid()))
    assert 0 < used < 30
    assert rss_kib(os.getpid()) > 1000


def test_new_processes_count_from_nothing_and_ended_ones_spoil_it():
    assert cpu_between({1: 5.0}, {1: 5.5, 2: 0.25}) == 0.75
    with pytest.raises(RuntimeError, match="ended during the measurement"):
        cpu_between({1: 5.0, 2: 1.0}, {1: 6.0})
