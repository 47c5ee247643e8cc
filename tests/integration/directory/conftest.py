"""One domain for the tests that only read or put back what they change; a directory over it for each test."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from handfast.directory import open_directory
from handfast.directory.active_directory import ActiveDirectory
from handfast.settings.directory import DirectorySettings
from tests.servers.samba import DomainController

Open = Callable[..., ActiveDirectory]


@pytest.fixture(scope="session")
def shared_dc() -> Iterator[DomainController]:
    """Nobody may change it."""
    with DomainController() as dc:
        yield dc


@pytest.fixture
def fresh_dc() -> Iterator[DomainController]:
    """A domain of the test's own; 0.5 s."""
    with DomainController() as dc:
        yield dc


def settings_for(*dcs: DomainController, **more: Any) -> DirectorySettings:
    """A `[directory]` section read as the product reads it."""
    return DirectorySettings.model_validate(tomllib.loads(dcs[0].settings(*dcs[1:], **more))["directory"])


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens directories over controllers, and closes them."""
    directories = []

    def open_(*dcs: DomainController, **more: Any) -> ActiveDirectory:
        directories.append(open_directory(settings_for(*dcs, **more)))
        return directories[-1]

    yield open_
    for directory in directories:
        await directory.close()


class Reader:
    """Reads changes as identity does: it keeps the positions, and the accounts that remain, by SID."""

    def __init__(self, directory: ActiveDirectory) -> None:
        self.directory = directory
        self.positions: dict[str, int] = {}
        self.accounts: dict[str, Any] = {}
        self.was_whole = False

    async def read(self) -> dict[str, Any]:
        """What this read named, by user name; `gone` has what it took away."""
        named, batches = {}, []
        self.gone: set[str] = set()
        async for batch in self.directory.changes(self.positions):
            batches.append(batch)
            named |= {account.sid: account for account in batch.accounts}
            self.gone |= {self.accounts[sid].user for sid in batch.gone if sid in self.accounts}
            self.accounts = {sid: one for sid, one in self.accounts.items() if sid not in batch.gone}
        assert [batch.is_last for batch in batches] == [False] * (len(batches) - 1) + [True]
        self.was_whole = batches[-1].is_whole
        if self.was_whole:
            self.gone |= {one.user for sid, one in self.accounts.items() if sid not in named}
            self.accounts = {}
        self.accounts |= named
        position = batches[-1].position
        self.positions[position.invocation_id] = position.highest_usn
        return {account.user: account for account in named.values()}

    async def read_until_gone(self, user: str) -> dict[str, Any]:
        """All that was named by the reads up to the one that took the account away: comparing all SIDs may have to wait."""
        named = await self.read()
        async with asyncio.timeout(20):
            while user not in self.gone:
                await asyncio.sleep(0.1)
                named |= await self.read()
        return named


@pytest.fixture
def reading(opened: Open) -> Callable[..., Reader]:
    """A reader over controllers."""
    return lambda *dcs, **more: Reader(opened(*dcs, **more))
