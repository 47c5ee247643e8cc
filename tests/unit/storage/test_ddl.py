"""What the revisions make of an empty database is what the tables and triggers of this version say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources

import pytest

from handfast.storage.ddl import SEPARATOR, schema_sql
from handfast.storage.migration import migrate


def test_the_revisions_make_the_schema(tmp_path) -> None:
    """SQLite keeps each statement as it was given; PostgreSQL is compared by tests/contracts/test_migration.py."""
    path = tmp_path / "handfast.db"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        made = {_words(row[0]) for row in rows if "alembic_version" not in row[0]}
    wanted = {_words(one) for one in schema_sql("sqlite").split(SEPARATOR) if one.startswith("CREATE")}
    assert made - {"CREATE TABLE sqlite_sequence(name,seq)"} == wanted


def _words(statement: str) -> str:
    return " ".join(statement.split())


@pytest.mark.parametrize(
    "revision", ["r0001_first", "r0002_wipes_and_facts", "r0003_directory", "r0004_password_set_at"]
)
def test_every_revision_is_frozen_for_both_dialects(revision) -> None:
    folder = resources.files("handfast.storage.migrations.versions")
    for dialect in ("sqlite", "postgresql"):
        text = folder.joinpath(f"{revision}.{dialect}.sql").read_text(encoding="ascii")
        assert all(statement.strip() for statement in text.split(SEPARATOR))
