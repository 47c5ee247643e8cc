"""Column types that mean the same on SQLite and PostgreSQL: instants and text of any character."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(value: datetime) -> int:
    """Raises: ValueError for a naive datetime, whose instant nobody knows."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no place in a record")
    return (value - _EPOCH) // _MICROSECOND


def from_microseconds(stored: int) -> datetime:
    """Always in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored as whole microseconds since 1970 (exact, short, and sorts as time does)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Raises: ValueError for a naive datetime, whose instant nobody knows."""
        del dialect
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always in UTC."""
        del dialect
        return None if value is None else from_microseconds(value)


def escape_text(value: str) -> str:
    """One to one; printable text without backslash stays as it is, any other is written with JSON's escapes."""
    if value.isprintable() and "\\" not in value:
        return str(value)  # a StrEnum becomes plain text
    return json.dumps(value)[1:-1]


def unescape_text(stored: str) -> str:
    """The inverse of `escape_text`."""
    return json.loads(f'"{stored}"') if "\\" in stored else stored


class EscapedText(TypeDecorator[str]):
    """Text from outside, kept exactly: NUL (which PostgreSQL refuses) and lone surrogates (no UTF-8) are escaped.

    PostgreSQL compares it byte by byte (collation "C"), as SQLite does.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The collation is named only where the database's default could be another."""
        return dialect.type_descriptor(Text(collation="C") if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See `escape_text`."""
        del dialect
        return None if value is None else escape_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """See `unescape_text`."""
        del dialect
        return None if value is None else unescape_text(value)
