"""Two identities share records, and each reaches another domain controller: one that has heard of a change, and one that has not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest_asyncio

from handfast.app.current_directory import CurrentDirectory
from handfast.app.directory_seat import POLLS
from handfast.app.directory_sync import DirectorySync
from handfast.settings.model import Settings
from handfast.storage.opening import open_records
from tests.fakes.clock import SettableClock
from tests.fakes.directory import FakeDirectory

SETTINGS = Settings.model_validate(
    {
        "identity": {"key_file": Path("/etc/handfast.key")},
        "directory": {"server": [{"name": "dc1.contoso.lab"}], "poll_seconds": 15},
    }
)


def controller(name: str) -> FakeDirectory:
    domain = FakeDirectory(invocation_id=name)
    domain.add("alice")
    return domain


class Pair:
    def __init__(self, first, second) -> None:
        self.clock = SettableClock()
        self.fresh, self.lagging = controller("dc1"), controller("dc2")
        self.one = self._sync(first, self.fresh, "identity@one")
        self.two = self._sync(second, self.lagging, "identity@two")
        self._records = first

    def _sync(self, records, domain, reader: str) -> DirectorySync:
        open_it: Callable[[object], FakeDirectory] = lambda _settings: domain
        return DirectorySync(
            SETTINGS,
            records,
            self.clock,
            CurrentDirectory(SETTINGS.directory, open_it),
            reader,
            self.clock.monotonic,
        )

    async def is_enabled(self) -> bool:
        account = await self._records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "alice"))
        return account.directory.is_enabled


@pytest_asyncio.fixture
async def pair(sql_records, database_url, keyring):
    other = open_records(database_url, keyring, chain="identity-2", poll_seconds=0.1)
    await other.start()
    yield Pair(sql_records, other)
    await other.close()


async def test_what_was_read_of_the_one_is_not_overwritten_by_what_the_other_has_not_heard_of(pair) -> None:
    await pair.one.read_once()
    await pair.two.read_once()
    alice = next(iter(pair.fresh.accounts.values()))
    pair.fresh.change(alice, is_enabled=False)
    pair.lagging.change(alice, display_name="Alice, changed elsewhere")
    for _ in range(5):
        pair.clock.advance(seconds=15)
        await pair.one.read_once()
        await pair.two.read_once()
        assert not await pair.is_enabled()
    assert pair.lagging.asked_since == [], "only one reads"


async def test_the_other_one_takes_over_reads_everything_and_keeps_reading(pair) -> None:
    await pair.one.read_once()
    await pair.two.read_once()
    alice = next(iter(pair.lagging.accounts.values()))
    pair.clock.advance(seconds=15 * POLLS - 1)
    await pair.two.read_once()
    assert pair.lagging.asked_since == []
    pair.lagging.change(alice, is_enabled=False)
    pair.clock.advance(seconds=1)
    await pair.two.read_once()
    assert not await pair.is_enabled()
    await pair.one.read_once()
    await pair.two.read_once()
    assert not await pair.is_enabled()
    assert pair.lagging.asked_since == [{}, {"dc1": 1, "dc2": 2}], "the first time everything"
    assert len(pair.fresh.asked_since) == 1


async def test_who_reaches_no_controller_lets_the_other_one_read_at_once(pair) -> None:
    await pair.one.read_once()
    pair.fresh.is_down = True
    await pair.one._turn()
    await pair.two.read_once()
    assert pair.lagging.asked_since == [{}]
