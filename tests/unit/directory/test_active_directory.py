"""By which connections the lockout policy is asked for. (Everything else of `active_directory` is tried on a real controller.)"""

from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.directory.active_directory import ActiveDirectory
from handfast.directory.scope import Scope
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable
from tests.fakes.clock import SettableClock
from tests.fakes.one_phone import ALICE

FIVE = DomainLockout(5, timedelta(minutes=30), None)


class Asked:
    """Fits what is asked of controllers; gives `answer` and counts."""

    def __init__(self):
        self.answer, self.times = FIVE, 0

    async def ask(self, work):
        self.times += 1
        return self.answer


async def test_the_lockout_is_asked_of_those_who_check_passwords_each_time():
    """A flood of guesses does not make the mirror old, and no answer tells what was asked before."""
    readers, passwords = Asked(), Asked()
    directory = ActiveDirectory(readers, passwords, Scope("", ""), SettableClock().now)
    assert [await directory.lockout(ALICE) for _ in range(2)] == [FIVE, FIVE]
    passwords.answer = "hidden"
    with pytest.raises(LockoutUnreadable, match="hidden"):
        await directory.lockout(ALICE)
    assert (readers.times, passwords.times) == (0, 3)
