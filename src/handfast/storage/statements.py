"""Core expressions compiled once a dialect, and run on a DB-API connection: what the repositories speak through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.types import TypeEngine

from handfast.identity.ports import Unavailable
from handfast.storage.types import (
    EscapedText,
    UtcDateTime,
    escape_text,
    from_microseconds,
    to_microseconds,
    unescape_text,
)

Statement = SelectBase | UpdateBase
NO_SCHEMA = (
    "the database lacks the tables of this version: it was never migrated; start identity, which does so"
)

T = TypeVar("T")
Row = tuple[Any, ...]
_Processor = Callable[[Any], Any]


class MustRetry(Exception):
    """The transaction lost a conflict with another one (serialization, deadlock): run it again from the start."""


class Cursor(Protocol):
    """What both drivers' cursors share."""

    @property
    def rowcount(self) -> int: ...
    def fetchall(self) -> list[Any]: ...


class DriverConnection(Protocol):
    """What both drivers' connections share."""

    def execute(self, query: str, params: Any = ...) -> Any: ...
    def cursor(self) -> Any: ...
    def close(self) -> None: ...


class Compiled:
    """One statement in one dialect: its text, fixed parameters, and the conversions of parameters and columns."""

    __slots__ = ("binders", "fixed", "getters", "text")

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        binders: dict[str, _Processor] = {}
        self.fixed: dict[str, Any] = {}
        for parameter, key in compiled.bind_names.items():
            binder = _binder(parameter.type, dialect)
            if binder is not None:
                binders[key] = binder  # a name that stands twice is converted once
            if not parameter.required and parameter.value is not None:
                self.fixed[key] = parameter.value
        self.binders = tuple(binders.items())
        columns = (
            statement.selected_columns if isinstance(statement, SelectBase) else statement.exported_columns
        )
        processors = [_getter(column.type, dialect) for column in columns]
        self.getters = [(index, getter) for index, getter in enumerate(processors) if getter is not None]

    def bind(self, values: dict[str, Any]) -> dict[str, Any]:
        """The parameters in the driver's terms."""
        bound = {**self.fixed, **values}
        for key, binder in self.binders:
            value = bound.get(key)
            if value is not None:
                bound[key] = binder(value)
        return bound

    def convert(self, row: Sequence[Any]) -> Row:
        """A row in our terms."""
        values = list(row)
        for index, getter in self.getters:
            value = values[index]
            if value is not None:
                values[index] = getter(value)
        return tuple(values)


def _binder(kind: TypeEngine[Any], dialect: Dialect) -> _Processor | None:
    """What turns a value into the driver's; our own types' functions without SQLAlchemy's layers around them."""
    if isinstance(kind, EscapedText):
        return escape_text
    if isinstance(kind, UtcDateTime):
        return to_microseconds
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _getter(kind: TypeEngine[Any], dialect: Dialect) -> _Processor | None:
    """The way back."""
    if isinstance(kind, EscapedText):
        return unescape_text
    if isinstance(kind, UtcDateTime):
        return from_microseconds
    return kind.dialect_impl(dialect).result_processor(dialect, None)


class StatementCache:
    """Every compiled statement of one dialect; the statements are module constants, so it stays small."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._compiled: dict[int, tuple[Statement, Compiled]] = {}

    def get(self, statement: Statement) -> Compiled:
        """Compiles on first use; the statement is kept, so that its id can't come to mean another."""
        known = self._compiled.get(id(statement))
        if known is None:
            known = self._compiled[id(statement)] = (statement, Compiled(statement, self.dialect))
        return known[1]


class Transaction:
    """One connection's transaction. `translate` turns the driver's errors into `Conflict`, `Unavailable` and builtins.

    `doomed` is the error after which nothing of this transaction may be committed, even if the work caught it.
    """

    __slots__ = ("_connection", "_get", "_translate", "dialect_name", "doomed")

    def __init__(
        self,
        connection: DriverConnection,
        cache: StatementCache,
        translate: Callable[[Exception], Exception | None],
    ) -> None:
        self._connection = connection
        self._get = cache.get
        self._translate = translate
        self.dialect_name = cache.dialect.name
        self.doomed: Exception | None = None

    def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Every row."""
        compiled = self._get(statement)
        convert = compiled.convert
        return [convert(row) for row in self._execute(compiled, values).fetchall()]

    def first(self, statement: Statement, **values: Any) -> Row | None:
        """The first row, or None."""
        compiled = self._get(statement)
        rows = self._execute(compiled, values).fetchall()
        return compiled.convert(rows[0]) if rows else None

    def run(self, statement: Statement, **values: Any) -> int:
        """How many rows were changed."""
        return self._execute(self._get(statement), values).rowcount

    def run_many(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> int:
        """As `run` with the values of each row, all sent together; how many rows were changed."""
        compiled = self._get(statement)
        bound = [compiled.bind(values) for values in rows]
        cursor = self._connection.cursor()
        try:
            cursor.executemany(compiled.text, bound)
        except Exception as error:
            if (translated := self._translated(error)) is None:
                raise
            raise translated from error
        return int(cursor.rowcount)

    def finish(self, result: T) -> T:
        """The work's result, if what it did may be committed. Raises: the error that doomed the transaction."""
        if self.doomed is not None:
            raise self.doomed
        return result

    def _execute(self, compiled: Compiled, values: dict[str, Any]) -> Cursor:
        try:
            cursor: Cursor = self._connection.execute(compiled.text, compiled.bind(values))
        except Exception as error:
            if (translated := self._translated(error)) is None:
                raise
            raise translated from error
        return cursor

    def _translated(self, error: Exception) -> Exception | None:
        translated = self._translate(error)
        if isinstance(translated, MustRetry | Unavailable):
            self.doomed = translated
        return translated
