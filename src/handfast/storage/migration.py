"""Brings a database to the schema this version needs. Only the identity process (or the offline CLI) does so.

Two processes starting at once are safe: the second waits for the first (SQLite: BEGIN EXCLUSIVE, PostgreSQL: an
advisory lock) and finds nothing left to do. The whole migration is one transaction.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from handfast.identity.ports import Unavailable
from handfast.storage.sqlite import create_file
from handfast.storage.urls import engine_url, sqlite_path

_LOCK_SECONDS = 60
_ADVISORY_LOCK = 0x68616E6466617374  # "handfast"; any number no other program on that database uses


def migrate(database_url: str, *, password: str | None = None) -> str:
    """Runs what is missing, and returns the revision.

    Raises: Unavailable (no connection, locked for a minute, or the database is newer than this program).
    """
    path = sqlite_path(database_url)
    if path is not None:
        create_file(path)
    engine = _engine(database_url, password)
    try:
        with engine.connect() as connection:
            _begin(connection)
            _refuse_newer(connection)
            command.upgrade(_config(connection), "head")
            connection.commit()
            return MigrationContext.configure(connection).get_current_revision() or ""
    except DBAPIError as error:
        raise Unavailable(f"the database can't be migrated: {error.orig}") from error


def current_revision(database_url: str, *, password: str | None = None) -> str | None:
    """The database's revision, None where it is empty or (SQLite) not there. Raises: Unavailable."""
    path = sqlite_path(database_url)
    if path is not None and not path.exists():
        return None
    try:
        with _engine(database_url, password).connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise Unavailable(f"the database can't be read: {error.orig}") from error


def newest_revision() -> str:
    """The revision this program needs."""
    return ScriptDirectory.from_config(_config(None)).get_current_head() or ""


def needs_migration(database_url: str, *, password: str | None = None) -> bool:
    """Whether `migrate` has work to do. Raises: Unavailable."""
    return current_revision(database_url, password=password) != newest_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(database_url: str, password: str | None) -> Engine:
    url = engine_url(database_url, password)
    timeout = {"timeout": _LOCK_SECONDS} if url.get_backend_name() == "sqlite" else {"connect_timeout": 5}
    engine = create_engine(url, poolclass=NullPool, connect_args=timeout)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", lambda raw, _record: _prepare(raw))
    return engine


def _prepare(raw: Any) -> None:
    """The driver would begin (and before some statements commit) by itself; we say when.

    SQLite rewrites a table to change it: with foreign keys on, dropping the old one would take what hangs on its rows.
    """
    raw.isolation_level = None
    raw.execute("PRAGMA foreign_keys = OFF")


def _begin(connection: Connection) -> None:
    """Takes the lock that lets one process migrate at a time; held until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
    else:
        connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


def _refuse_newer(connection: Connection) -> None:
    script = ScriptDirectory.from_config(_config(None))
    found = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise Unavailable(
            f"the database has revision {found}, which is newer than this program: upgrade Handfast, or restore a backup"
        )
