"""SQL past the repositories, as somebody with the database in his hands would run it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg

from handfast.storage.postgresql import connect_arguments
from handfast.storage.urls import engine_url, sqlite_path


def run_sql(url: str, *statements: str) -> list[Sequence[Any]]:
    """Runs them in one transaction and returns the last one's rows."""
    path = sqlite_path(url)
    if path is not None:
        connection = sqlite3.connect(path)
        try:
            with connection:
                connection.execute("PRAGMA foreign_keys = ON")
                for statement in statements:
                    rows = connection.execute(statement).fetchall()
            return rows
        finally:
            connection.close()
    with psycopg.connect(**connect_arguments(engine_url(url))) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def without_trigger(url: str, trigger: str, table: str, *statements: str) -> None:
    """Drops the guard first."""
    drop = f"DROP TRIGGER {trigger}" + ("" if sqlite_path(url) else f" ON {table}")
    run_sql(url, drop, *statements)
