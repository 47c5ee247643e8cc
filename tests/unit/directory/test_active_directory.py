"""How long the lockout policies of accounts are kept. (Everything else of `active_directory` is tried on a real controller.)"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from handfast.directory import active_directory
from handfast.directory.active_directory import ActiveDirectory
from handfast.directory.scope import Scope
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable
from tests.fakes.clock import SettableClock
from tests.fakes.one_phone import ALICE

POLL = 15.0
FIVE = DomainLockout(5, timedelta(minutes=30), None)


class Asked:
    """Fits what is asked of controllers; gives `answer` and counts."""

    def __init__(self):
        self.answer, self.times = FIVE, 0

    async def ask(self, work):
        self.times += 1
        return self.answer


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def now(monkeypatch):
    """Seconds of the monotonic clock."""
    moment = [1000.0]
    monkeypatch.setattr(active_directory, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    return moment


@pytest.fixture
def directory(asked):
    """Only those who check passwords are asked: a flood of these does not make the mirror old."""
    return ActiveDirectory(None, asked, Scope("", ""), SettableClock().now, poll_seconds=POLL)


def account(number):
    return replace(ALICE, sid=f"S-1-5-21-1-2-3-{number}")


async def test_a_policy_is_kept_no_longer_than_a_poll(directory, asked, now):
    assert await directory.lockout(account(1)) == FIVE
    asked.answer = replace(FIVE, threshold=3)
    now[0] += POLL
    assert await directory.lockout(account(1)) == FIVE
    assert (await directory.lockout(account(2))).threshold == 3
    now[0] += 0.1
    assert (await directory.lockout(account(1))).threshold == 3
    assert asked.times == 3


async def test_that_it_can_not_be_read_is_kept_as_well(directory, asked, now):
    asked.answer = "hidden"
    for _ in range(3):
        with pytest.raises(LockoutUnreadable, match="hidden"):
            await directory.lockout(account(1))
    assert asked.times == 1


async def test_the_oldest_is_forgotten_first(directory, asked, now, monkeypatch):
    monkeypatch.setattr(active_directory, "MAX_LOCKOUTS_KEPT", 2)
    for number in (1, 2, 3):
        await directory.lockout(account(number))
    await directory.lockout(account(3))
    await directory.lockout(account(2))
    assert asked.times == 3
    await directory.lockout(account(1))
    assert asked.times == 4
