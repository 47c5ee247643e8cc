"""A look-up on PostgreSQL is one by an index from the first day: plans made while tables are empty are kept while they grow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.engine import make_url

from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.mirroring import mirror_accounts
from handfast.storage.opening import open_records
from handfast.storage.postgresql import PostgresqlDriver
from handfast.storage.repositories import account_groups, accounts
from tests.contracts.conftest import NEEDS_POSTGRESQL
from tests.fakes.clock import START
from tests.fakes.directory import entry, group

LOOK_UPS = {
    "sids": (accounts._BY_SIDS["postgresql"], {"sids": ["S-1-5-21-1"]}),
    "users": (accounts._BY_USERS["postgresql"], {"users": ["ALICE"]}),
    "upns": (accounts._BY_UPNS["postgresql"], {"upns": ["ALICE@CONTOSO.LAB"]}),
    "without upn": (accounts._WITHOUT_UPN, {}),
    "unnamed": (accounts._UNNAMED, {}),
    "one upn": (accounts._BY_UPN, {"upn": "ALICE@CONTOSO.LAB"}),
    "memberships": (account_groups._MEMBERSHIPS["postgresql"], {"account_ids": [1, 2]}),
    "groups": (account_groups._BY_SIDS["postgresql"], {"sids": ["S-1-5-21-1"]}),
}


@NEEDS_POSTGRESQL
@pytest.mark.parametrize("name", LOOK_UPS)
async def test_no_table_is_read_whole_though_it_be_small(new_postgresql_database, keyring, name) -> None:
    url = new_postgresql_database()
    await fill(url, keyring)
    statement, values = LOOK_UPS[name]
    driver = PostgresqlDriver(make_url(url))
    compiled = driver.statements.get(statement)
    connection = driver.connect(read_only=True)
    try:
        connection.execute("ANALYZE")
        plan = connection.execute(f"EXPLAIN {compiled.text}", compiled.bind(values)).fetchall()
    finally:
        connection.close()
    lines = [line for (line,) in plan]
    assert any("Index" in line for line in lines), lines
    assert not any("Seq Scan" in line for line in lines), lines


async def fill(url: str, keyring) -> None:
    """A few accounts in a group: a page of each table."""
    people = [entry(f"user{number}", 1101 + number) for number in range(20)]
    records = open_records(url, keyring, chain="identity-1")
    await records.start()
    groups = frozenset({group("Sales")})
    entries = [replace(one, groups=groups) for one in people]
    await records.write(lambda r: mirror_accounts(r, entries, MirrorPolicy(), START))
    await records.close()
