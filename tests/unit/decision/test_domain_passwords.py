from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.decision.domain_passwords import (
    LEAST_REST,
    MAX_HOLD_SECONDS,
    REMEMBERED,
    DomainPasswordMemory,
    Unshared,
    can_be_domain_password,
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
    assert memory.find_right("d", NOW - SECOND) is None, "our clock was set back: it is not right for longer"


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
        memory.note_answer(timedelta(0), is_typical=False)
    assert memory.hold_seconds(NOW, NOW) == 2.0
    for _ in range(10):
        memory.note_answer(timedelta(0))
    assert memory.hold_seconds(NOW, NOW) == 0.5
    assert memory.hold_seconds(NOW, NOW - SECOND) == 0.5


@pytest.mark.parametrize(
    ("secret", "can"),
    [("a", True), ("ä" * 256, True), ("", False), ("a" * 257, False), ("a\0b", False), ("a\udc80", False)],
)
def test_what_can_be_a_domain_password(secret, can):
    assert can_be_domain_password(secret) is can


async def test_unshared_work_is_done():
    async def work():
        return 7

    assert await Unshared().share("key", work) == 7
    assert await Unshared().share_anew("key", work) == 7
    await Unshared().pause(60)
