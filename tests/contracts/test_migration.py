"""Migrations: re-runnable, safe side by side, and equal to the tables the program uses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from handfast.identity.ports import Unavailable
from handfast.storage.ddl import SEPARATOR
from handfast.storage.migration import current_revision, migrate, needs_migration, newest_revision
from handfast.storage.opening import open_records
from handfast.storage.schema import metadata
from handfast.storage.urls import engine_url
from tests.contracts.conftest import SQL
from tests.contracts.raw_sql import run_sql


@pytest.fixture(params=SQL)
def empty_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return request.getfixturevalue("postgresql").new_database()


def test_a_migration_may_run_again(empty_url) -> None:
    assert current_revision(empty_url) is None
    assert needs_migration(empty_url)
    assert migrate(empty_url) == newest_revision()
    run_sql(empty_url, "UPDATE revocation_epoch SET epoch = 7")
    assert migrate(empty_url) == newest_revision()
    assert not needs_migration(empty_url)
    assert [row[0] for row in run_sql(empty_url, "SELECT epoch FROM revocation_epoch")] == [7]


def test_several_at_once_make_one_schema(empty_url) -> None:
    # Alembic's `op` and `context` are per process, so that each identity is a process of its own here.
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run_migration, [empty_url] * 4))
    assert results == [0] * 4
    assert not needs_migration(empty_url)
    assert [row[0] for row in run_sql(empty_url, "SELECT count(*) FROM revocation_epoch")] == [1]


def run_migration(url: str) -> int:
    import subprocess
    import sys

    code = "import sys; from handfast.storage.migration import migrate; migrate(sys.argv[1])"
    return subprocess.run([sys.executable, "-c", code, url], timeout=60, check=False).returncode


def test_the_migrated_schema_is_the_one_in_use(database_url) -> None:
    engine = create_engine(engine_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_a_database_newer_than_the_program_is_left_alone(database_url) -> None:
    run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="newer than this program"):
        migrate(database_url)


def test_no_server_is_unavailable(tmp_path) -> None:
    with pytest.raises(Unavailable):
        migrate(f"postgresql://postgres@/x?host={tmp_path}")
    with pytest.raises(Unavailable):
        current_revision(f"postgresql://postgres@/x?host={tmp_path}")
    with pytest.raises(Unavailable):
        migrate(f"sqlite:///{tmp_path}/none/x.db")


async def test_an_empty_database_does_not_start(empty_url, keyring) -> None:
    records = open_records(empty_url, keyring, chain="identity-1")
    with pytest.raises(Unavailable, match="never migrated"):
        await records.start()
    await records.close()


def test_devices_of_the_first_schema_are_kept_and_a_wipe_without_a_record_gets_one(empty_url) -> None:
    for statement in first_schema(empty_url):
        run_sql(empty_url, statement)
    assert needs_migration(empty_url)
    migrate(empty_url)
    rows = run_sql(
        empty_url,
        "SELECT device_id, state, wipe_kind, wipe_requested_at, wipe_acknowledged_at, imei, model"
        " FROM partnerships ORDER BY device_id",
    )
    assert [tuple(row) for row in rows] == [
        ("A", "allowed", "", None, None, "", "m"),
        ("B", "wiping", "device", 20, None, "", "m"),
        ("C", "wiped", "device", 30, 30, "", "m"),
    ]


def test_ids_go_on_where_they_were_and_what_hangs_on_accounts_stays(empty_url) -> None:
    for statement in first_schema(empty_url):
        run_sql(empty_url, statement)
    second = (
        "INSERT INTO accounts (user_name, domain, upn, state, created_at, display_name, sid, folded_user, folded_domain)"
        " VALUES ('b', 'd', '', 'enabled', 0, '', 'S-1', 'B', 'D')"
    )
    run_sql(empty_url, second)
    run_sql(empty_url, second.replace("'b'", "'c'").replace("'B'", "'C'").replace("S-1", "S-2"))
    run_sql(empty_url, "DELETE FROM accounts WHERE user_name = 'c'")
    migrate(empty_url)
    assert [row[0] for row in run_sql(empty_url, "SELECT count(*) FROM partnerships")] == [3]
    assert [tuple(row) for row in run_sql(empty_url, "SELECT id, sid FROM accounts ORDER BY id")] == [
        (1, None),
        (2, None),
    ]
    run_sql(empty_url, second.replace("'b'", "'c'").replace("'B'", "'C'").replace("'S-1'", "NULL"))
    assert [row[0] for row in run_sql(empty_url, "SELECT id FROM accounts WHERE user_name = 'c'")] == [4]
    run_sql(empty_url, "DELETE FROM accounts WHERE id = 1")
    assert [row[0] for row in run_sql(empty_url, "SELECT count(*) FROM partnerships")] == [0]


def test_mirrored_accounts_of_the_third_schema_are_kept_with_what_hangs_on_them(empty_url) -> None:
    for statement in schema_of(empty_url, "r0001_first", "r0002_wipes_and_facts", "r0003_directory"):
        run_sql(empty_url, statement)
    columns = (
        "user_name, domain, upn, state, created_at, display_name, sid, pin_verifier, folded_user, folded_domain, folded_upn,"
        " realm, read_at, is_present, is_enabled, is_delegable, locked_until, expires_at, password_expires_at, mail, folded_mail"
    )
    values = "'d', 'u', 'enabled', 1, 'A', 'S-1', NULL, 'A', 'D', 'U', 'R', 2, TRUE, FALSE, TRUE, 3, 4, 5, 'm', 'M'"
    run_sql(empty_url, f"INSERT INTO accounts ({columns}) VALUES ('gone', {values})")
    run_sql(empty_url, "DELETE FROM accounts")
    run_sql(empty_url, f"INSERT INTO accounts ({columns}) VALUES ('a', {values})")
    run_sql(empty_url, "INSERT INTO directory_groups (id, sid, domain, name) VALUES (7, 'S-2', 'D', 'g')")
    run_sql(empty_url, "INSERT INTO account_groups VALUES (2, 7)")
    before = [tuple(row) for row in run_sql(empty_url, f"SELECT id, {columns} FROM accounts")]
    migrate(empty_url)
    assert [tuple(row) for row in run_sql(empty_url, f"SELECT id, {columns} FROM accounts")] == before
    assert [row[0] for row in run_sql(empty_url, "SELECT password_set_at FROM accounts")] == [None]
    assert [tuple(row) for row in run_sql(empty_url, "SELECT * FROM account_groups")] == [(2, 7)]
    run_sql(empty_url, "DELETE FROM accounts")
    assert not run_sql(empty_url, "SELECT * FROM account_groups")
    run_sql(empty_url, f"INSERT INTO accounts ({columns}) VALUES ('b', {values})")
    assert [row[0] for row in run_sql(empty_url, "SELECT id FROM accounts")] == [3]


def schema_of(url: str, *revisions: str) -> list[str]:
    """The statements by which the revisions up to the last one made an empty database."""
    dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
    folder = resources.files("handfast.storage.migrations.versions")
    texts = [folder.joinpath(f"{one}.{dialect}.sql").read_text(encoding="ascii") for one in revisions]
    return [
        *(statement for text in texts for statement in text.split(SEPARATOR)),
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        f"INSERT INTO alembic_version VALUES ('{revisions[-1][1:5]}')",
    ]


def first_schema(url: str) -> list[str]:
    """The database as revision 0001 left it, with three devices."""
    devices = [
        "INSERT INTO partnerships VALUES"
        f" (1, '{device}', '{state}', 't', 'ua', {seen}, {seen}, 's', 'm', 'o', 'f', 'r')"
        for device, state, seen in (("A", "allowed", 10), ("B", "wiping", 20), ("C", "wiped", 30))
    ]
    account = (
        "INSERT INTO accounts (user_name, domain, upn, state, created_at, display_name, folded_user, folded_domain)"
        " VALUES ('a', 'd', '', 'enabled', 0, '', 'A', 'D')"
    )
    return [*schema_of(url, "r0001_first"), account, *devices]
