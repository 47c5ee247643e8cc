"""The schema written out as SQL for one dialect: what a new revision is frozen from, and what tests compare with."""

from __future__ import annotations

from typing import cast

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from handfast.storage.schema import metadata
from handfast.storage.triggers import postgresql_triggers, sqlite_triggers

SEPARATOR = "\n--;;\n"
"""Stands between statements; a semicolon also ends the lines inside a trigger."""


def schema_sql(dialect_name: str) -> str:
    """Every CREATE statement, and the row that holds the epoch."""
    kind = sqlite.dialect if dialect_name == "sqlite" else postgresql.dialect
    dialect = cast("type[Dialect]", kind)()
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    statements += sqlite_triggers() if dialect_name == "sqlite" else postgresql_triggers()
    statements.append("INSERT INTO revocation_epoch (id, epoch) VALUES (1, 0)")
    return SEPARATOR.join(_tidied(statement) for statement in statements) + "\n"


def _tidied(statement: str) -> str:
    lines = (line.replace("\t", "  ").rstrip() for line in statement.strip().splitlines())
    return "\n".join(line for line in lines if line)
