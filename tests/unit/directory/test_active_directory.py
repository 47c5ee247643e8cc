"""By which connections the lockout policy is asked for. (Everything else of `active_directory` is tried on a real controller.)"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.directory.active_directory import ActiveDirectory
from handfast.directory.entries import build_entry
from handfast.directory.scope import Scope
from handfast.directory.session import BindAnswer
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable, PasswordVerdict
from tests.fakes.clock import SettableClock
from tests.fakes.one_phone import ALICE

DN = "CN=Alice,DC=contoso,DC=lab"
FIVE = DomainLockout(5, timedelta(minutes=30), None)


class Asked:
    """Fits what is asked of controllers; gives `answer` and counts."""

    def __init__(self):
        self.answer, self.times, self.opened = FIVE, 0, 0

    async def ask(self, work):
        self.times += 1
        return self.answer

    @contextlib.asynccontextmanager
    async def first(self, account):
        assert account is None
        self.opened += 1
        yield Controller()


class Controller:
    """Fits `Link` and its session; takes every password, and says that it was Alice's."""

    async def call(self, work):
        return work(self)

    def bind(self, name, secret):
        assert name == DN
        return BindAnswer(is_accepted=True)

    async def read(self, dn, attributes):
        return build_entry("", {"tokenGroups": [bytes([1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0])]})


async def test_the_lockout_is_asked_of_those_who_check_passwords_each_time():
    """A flood of guesses does not make the mirror old, and no answer tells what was asked before."""
    readers, passwords = Asked(), Asked()
    directory = ActiveDirectory(readers, passwords, Scope("", ""), SettableClock().now)
    assert [await directory.lockout(ALICE) for _ in range(2)] == [FIVE, FIVE]
    passwords.answer = "hidden"
    with pytest.raises(LockoutUnreadable, match="hidden"):
        await directory.lockout(ALICE)
    assert (readers.times, passwords.times) == (0, 3)


async def test_a_look_asks_as_often_as_an_attempt_over_the_same_connections():
    """How long it takes until nobody answers must not tell whether there is such a name."""
    readers, passwords = Asked(), Asked()
    directory = ActiveDirectory(readers, passwords, Scope("", ""), SettableClock().now)
    alice = replace(ALICE, sid="S-1-5-11")
    await directory.lockout(alice)
    passwords.answer = DN
    assert await directory.check_password(alice, "secret") is PasswordVerdict.RIGHT
    attempt = passwords.times, passwords.opened
    await directory.look()
    assert (passwords.times - attempt[0], passwords.opened - attempt[1]) == attempt == (2, 1)
    assert readers.times == 0


async def test_nothing_is_sent_for_an_account_that_is_nowhere():
    passwords = Asked()
    directory = ActiveDirectory(Asked(), passwords, Scope("", ""), SettableClock().now)
    passwords.answer = None
    assert (
        await directory.check_password(replace(ALICE, sid="S-1-5-11"), "secret") is PasswordVerdict.NOT_SENT
    )
    assert passwords.opened == 0
