"""The SQL of a migration, frozen in a file for each dialect: what it did to a database is what it will ever do."""

from __future__ import annotations

from importlib import resources

from alembic import op


def run_frozen_sql(migration: str) -> None:
    """Runs `versions/MIGRATION.DIALECT.sql` on the migration's connection; its statements are parted by lines `--;;`."""
    connection = op.get_bind()
    name = f"{migration}.{connection.dialect.name}.sql"
    text = resources.files("handfast.storage.migrations.versions").joinpath(name).read_text(encoding="ascii")
    for statement in text.split("\n--;;\n"):
        connection.exec_driver_sql(statement)
