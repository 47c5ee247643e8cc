"""SQLite, the embedded default: WAL, full synchronisation, foreign keys on, the file readable by its owner alone."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import cast

from sqlalchemy.dialects import sqlite

from handfast.identity.ports import Conflict, Unavailable
from handfast.storage.owned_files import MODE, not_ours, open_owned
from handfast.storage.statements import NO_SCHEMA, DriverConnection, StatementCache

_BUSY_SECONDS = 2.0
"""How long a transaction waits for another process's lock; below the deadline of a write."""
_CACHE_KIB = 32 * 1024
_MAPPED_BYTES = 1 << 30
"""Readers map the file: with a million devices the system's page cache then serves all of them, without a copy each."""


def create_file(path: Path) -> None:
    """The database file with mode 0600; SQLite gives its -wal and -shm files the same mode and, as root, the same owner.

    Raises: Unavailable (no such folder, no permission).
    """
    try:
        descriptor = open_owned(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, MODE)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise not_ours(f"the database {path} can't be opened", path, error) from error


class SqliteDriver:
    """Fits `driver.Driver`. `max_pages` bounds the file (4 KiB a page), None: by the disk alone."""

    def __init__(
        self, path: Path, *, busy_seconds: float = _BUSY_SECONDS, max_pages: int | None = None
    ) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._max_pages = max_pages
        self.statements = StatementCache(sqlite.dialect(paramstyle="named"))

    def connect(self, *, read_only: bool) -> DriverConnection:
        """Nothing acknowledged may be lost, so each commit is on the disk (synchronous = FULL)."""
        connection = sqlite3.connect(
            self._path,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if read_only:
            connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}").fetchall()
        connection.execute(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
        if self._max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(self._max_pages)}").fetchall()
        return connection

    def begin(self, connection: DriverConnection, *, read_only: bool) -> None:
        """A writer takes the lock at once: a transaction that reads first could lose it later, beyond waiting."""
        connection.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

    def in_transaction(self, connection: DriverConnection) -> bool:
        """SQLite rolls everything back by itself after some errors (disk full, I/O)."""
        return cast("sqlite3.Connection", connection).in_transaction

    def translate(self, error: Exception) -> Exception | None:
        """By SQLite's primary result codes."""
        if not isinstance(error, sqlite3.Error):
            return None
        if isinstance(error, sqlite3.IntegrityError):
            return _integrity(error)
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError):
            return None
        name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        if name != "SQLITE_ERROR":
            return Unavailable(f"the database can't answer: {error} ({name})")
        return Unavailable(NO_SCHEMA) if str(error).startswith(("no such table", "no such column")) else None


def _integrity(error: sqlite3.IntegrityError) -> Exception:
    name = getattr(error, "sqlite_errorname", "")
    if name in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return Conflict(str(error))
    if name == "SQLITE_CONSTRAINT_FOREIGNKEY":
        return LookupError("the record it belongs to is not there")
    return ValueError(f"the schema refuses it: {error}")
