"""A migrated SQLite file and open records on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from handfast.storage.migration import migrate
from handfast.storage.opening import SqlRecords
from handfast.storage.sqlite import SqliteDriver
from tests.fakes.keyring import FakeKeyRing


@pytest.fixture
def path(tmp_path) -> Path:
    migrate(f"sqlite:///{tmp_path}/handfast.db")
    return tmp_path / "handfast.db"


@pytest_asyncio.fixture
async def open_sqlite(path) -> AsyncIterator:
    """Opens records on the file, with a driver's own limits."""
    opened = []

    async def opener(**limits):
        driver = SqliteDriver(path, **limits)
        records = SqlRecords(driver, FakeKeyRing(), chain="identity-1", poll_seconds=0.05)
        await records.start()
        opened.append(records)
        return records

    yield opener
    for records in opened:
        await records.close()
