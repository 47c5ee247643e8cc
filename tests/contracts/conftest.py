"""One suite for every implementation of identity's ports: in memory, SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from handfast.storage.migration import migrate
from handfast.storage.opening import open_records
from handfast.storage.urls import engine_url
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRecords
from tests.servers.postgresql import PostgresqlServer

NEEDS_POSTGRESQL = pytest.mark.needs("pg_ctlcluster", "setpriv")
SQL = ["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRESQL)]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    with PostgresqlServer() as server:
        yield server


@pytest.fixture(scope="session")
def new_postgresql_database(postgresql) -> Callable[[], str]:
    """Makes migrated, empty databases by copying one."""
    template = postgresql.new_database()
    migrate(template)
    name = engine_url(template).database
    return lambda: postgresql.new_database(template=name)


@pytest.fixture
def keyring() -> FakeKeyRing:
    return FakeKeyRing()


@pytest.fixture(params=SQL)
def database_url(request, tmp_path) -> str:
    """A migrated, empty database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/handfast.db"
        migrate(url)
    else:
        url = request.getfixturevalue("new_postgresql_database")()
    return url


@pytest_asyncio.fixture
async def sql_records(database_url, keyring) -> AsyncIterator:
    records = open_records(database_url, keyring, chain="identity-1", poll_seconds=0.1)
    await records.start()
    yield records
    await records.close()


@pytest_asyncio.fixture(params=["memory", *SQL])
async def records(request, tmp_path, keyring) -> AsyncIterator:
    """Started, empty records."""
    if request.param == "memory":
        yield InMemoryRecords(keyring, chain="identity-1")
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/handfast.db"
        migrate(url)
    else:
        url = request.getfixturevalue("new_postgresql_database")()
    opened = open_records(url, keyring, chain="identity-1", poll_seconds=0.1)
    await opened.start()
    yield opened
    await opened.close()
