"""PostgreSQL, where several identities share one database."""

from __future__ import annotations

from typing import Any, cast

import psycopg
from psycopg import errors
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import URL, Dialect

from handfast.identity.ports import Conflict, Unavailable
from handfast.storage.statements import NO_SCHEMA, DriverConnection, MustRetry, StatementCache

_OPTIONS = (
    "-c statement_timeout=4000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000 "
    "-c synchronous_commit=on -c client_encoding=UTF8 -c enable_seqscan=off -c jit=off"
)
"""Milliseconds; below the deadlines of the callers, so that the database gives up first and says why.

What we ask is asked by a key, and prepared: a plan made while a table was nearly empty (read it all) would be kept while a
hundred thousand accounts come. Statements that do read a whole table still may; JIT would compile them for their feigned cost.
"""
_CONNECT = {
    "connect_timeout": 3,
    "tcp_user_timeout": 4000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "handfast",
}


def connect_arguments(url: URL) -> dict[str, Any]:
    """Libpq's keywords: what the URL says wins over our defaults, except for `options`, which are ours."""
    _, arguments = _dialect().create_connect_args(url)
    return {**_CONNECT, **arguments, "options": _OPTIONS}


def _dialect() -> Dialect:
    return cast("type[Dialect]", PGDialect_psycopg)()


class PostgresqlDriver:
    """Fits `driver.Driver`."""

    def __init__(self, url: URL) -> None:
        self._arguments = connect_arguments(url)
        self.statements = StatementCache(_dialect())

    def connect(self, *, read_only: bool) -> DriverConnection:
        """We say BEGIN ourselves, hence autocommit."""
        del read_only
        return cast("DriverConnection", psycopg.connect(**self._arguments, autocommit=True))

    def begin(self, connection: DriverConnection, *, read_only: bool) -> None:
        """Serializable: work that reads and then writes (limits, windows) can't be fooled by another identity."""
        connection.execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            if read_only
            else "BEGIN ISOLATION LEVEL SERIALIZABLE"
        )

    def in_transaction(self, connection: DriverConnection) -> bool:
        """False also for a lost connection."""
        status = cast("psycopg.Connection", connection).info.transaction_status
        return status in {psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR}

    def translate(self, error: Exception) -> Exception | None:
        """By SQLSTATE class."""
        match error:
            case errors.SerializationFailure() | errors.DeadlockDetected():
                return MustRetry(str(error))
            case errors.UniqueViolation():
                return Conflict(error.diag.message_primary or "taken")
            case errors.ForeignKeyViolation():
                return LookupError("the record it belongs to is not there")
            case psycopg.IntegrityError():
                return ValueError(f"the schema refuses it: {error.diag.message_primary}")
            case errors.UndefinedTable() | errors.UndefinedColumn():
                return Unavailable(NO_SCHEMA)
            case psycopg.OperationalError() | psycopg.InterfaceError() | errors.ReadOnlySqlTransaction():
                return Unavailable(f"the database can't answer: {str(error).strip()}")
            case _:
                return None
