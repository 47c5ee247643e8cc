from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.decision.domain_passwords import (
    LEAST_REST,
    MAX_HOLD_SECONDS,
    OUTAGE,
    REMEMBERED,
    DomainPasswordMemory,
    Unshared,
)
from tests.fakes.one_phone import NOW

SECOND = timedelta(seconds=1)


def test_a_right_password_is_remembered_for_a_grants_life_from_the_domains_word():
    memory = DomainPasswordMemory()
    until = memory.remember_right("d", NOW)
    assert until == NOW + REMEMBERED
    assert memory.find_right("d", NOW + REMEMBERED - LEAST_REST) == until
    assert memory.find_right("d", NOW + REMEMBERED - LEAST_REST + SECOND) is None
    assert memory.find_right("other", NOW) is None


def test_the_memory_is_bounded():
    memory = DomainPasswordMemory(max_remembered=2)
    for digest in "abca":
        memory.remember_right(digest, NOW)
    assert [memory.find_right(digest, NOW) is not None for digest in "abc"] == [True, False, True]


@pytest.mark.parametrize(
    ("passed", "slowest", "hold"),
    [(0.0, 0.0, 0.5), (0.2, 0.0, 0.3), (0.5, 0.0, 0.0), (0.6, 0.0, 0.4), (0.0, 0.7, 1.0), (9.0, 9.0, 0.0)],
)
def test_refusals_come_at_round_moments(passed, slowest, hold):
    memory = DomainPasswordMemory()
    memory.note_answer(timedelta(seconds=slowest))
    held = memory.hold_seconds(NOW, NOW + timedelta(seconds=passed))
    assert held == pytest.approx(hold)
    assert held <= MAX_HOLD_SECONDS


def test_a_slow_answer_is_forgotten_after_a_few_and_a_clock_set_back_holds_no_longer():
    memory = DomainPasswordMemory()
    memory.note_answer(timedelta(seconds=2))
    assert memory.hold_seconds(NOW, NOW) == 2.0
    for _ in range(10):
        memory.note_answer(timedelta(0))
    assert memory.hold_seconds(NOW, NOW) == 0.5
    assert memory.hold_seconds(NOW, NOW - SECOND) == 0.5


def test_an_outage_is_remembered_for_a_while():
    memory = DomainPasswordMemory()
    assert not memory.is_out(NOW)
    memory.note_outage(NOW)
    assert memory.is_out(NOW + OUTAGE - SECOND)
    assert not memory.is_out(NOW + OUTAGE)


async def test_unshared_work_is_done():
    async def work():
        return 7

    assert await Unshared().share("key", work) == 7
