from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.app.current_directory import CurrentDirectory
from handfast.identity.directory.ports import PasswordVerdict
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId, AccountState
from handfast.settings.directory import DirectorySettings
from tests.fakes.clock import START
from tests.fakes.directory import FakeDirectory

NAMED = DirectorySettings.model_validate({"server": [{"name": "dc1.contoso.lab"}]})
NONE = DirectorySettings()
ALICE = Account(AccountId(1), "alice", "CONTOSO", "", AccountState.ENABLED, START)


async def test_it_is_whatever_the_settings_name_now():
    domains = [FakeDirectory(), FakeDirectory()]
    alice = domains[1].add("alice")
    domains[1].passwords[alice.sid] = "right"
    opening = iter(domains)
    current = CurrentDirectory(NAMED, lambda _settings: next(opening))
    assert current.is_named
    assert await current.find("alice") is None
    await current.replace(NAMED)
    assert domains[0].closed == 1
    assert await current.find("alice") == alice
    assert (await current.lockout(ALICE)).threshold == 5
    await current.look()
    assert await current.check_password(replace(ALICE, sid=alice.sid), "right") is PasswordVerdict.RIGHT
    assert [batch.accounts async for batch in current.changes({})] == [(alice,)]
    await current.close()
    assert domains[1].closed == 1


async def test_without_servers_every_call_says_so():
    current = CurrentDirectory(NONE, lambda _settings: FakeDirectory())
    assert not current.is_named
    with pytest.raises(Unavailable, match="no domain controller"):
        await current.lockout(ALICE)
    with pytest.raises(Unavailable):
        await current.look()
    with pytest.raises(Unavailable):
        current.changes({})
    await current.replace(NONE)
    await current.close()


async def test_settings_that_can_not_be_used_leave_the_one_before():
    domain = FakeDirectory()

    def open_directory(settings):
        if settings.base:
            raise ValueError("no such file")
        return domain

    current = CurrentDirectory(NAMED, open_directory)
    with pytest.raises(ValueError, match="no such file"):
        await current.replace(NAMED.model_copy(update={"base": "OU=x"}))
    await current.lockout(ALICE)
    assert domain.closed == 0


async def test_one_that_can_not_be_closed_keeps_the_next_from_nothing(capsys):
    domains = [FakeDirectory(), FakeDirectory()]

    async def fail() -> None:
        raise OSError("already gone")

    domains[0].close = fail
    opening = iter(domains)
    current = CurrentDirectory(NAMED, lambda _settings: next(opening))
    await current.replace(NAMED)
    domains[1].add("alice")
    assert await current.find("alice") is not None
