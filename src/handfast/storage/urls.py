"""Reads `identity.database`: which database, where, and in the driver's own words."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def engine_url(database_url: str, password: str | None = None) -> URL:
    """The URL with the driver we use, and the password where it came from a file of its own.

    Raises: ValueError for any other kind of database.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ValueError("identity.database is no URL: use sqlite:////path or postgresql://...") from None
    backend = url.drivername.partition("+")[0]
    if backend not in _DRIVERS:
        raise ValueError(
            f"identity.database: {backend!r} is not supported, use sqlite:////path or postgresql://..."
        )
    url = url.set(drivername=_DRIVERS[backend])
    if backend == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError(
            "identity.database: SQLite needs a file, e.g. sqlite:////var/lib/handfast/handfast.db"
        )
    return url if password is None else url.set(password=password)


def sqlite_path(database_url: str) -> Path | None:
    """The database file, or None where the database is PostgreSQL. Raises: ValueError."""
    url = engine_url(database_url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
