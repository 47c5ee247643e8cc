"""Lists as parameters: one statement text however many values it is run with, so that it is compiled and planned once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from handfast.storage.statements import Statement, Transaction
from handfast.storage.types import EscapedText, escape_text

IsListed = Callable[[ColumnElement[Any], str], ColumnElement[bool]]
"""The condition that a column has one of the values of the parameter of that name."""


def _in_json(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    values = func.json_each(bindparam(name, type_=String))
    return column.in_(select(literal_column("value")).select_from(values))


def _in_array(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    kind = Text() if isinstance(column.type, EscapedText) else BigInteger()  # `listed` escapes the text
    return column == any_(bindparam(name, type_=ARRAY(kind)))


def with_lists(build: Callable[[IsListed], Statement]) -> dict[str, Statement]:
    """The statement for each dialect, by its name; `build` is given the condition in its terms."""
    return {"sqlite": build(_in_json), "postgresql": build(_in_array)}


def listed(transaction: Transaction, values: Iterable[str | int]) -> str | list[str | int]:
    """The value of a list's parameter."""
    stored = [escape_text(one) if isinstance(one, str) else one for one in values]
    return json.dumps(stored) if transaction.dialect_name == "sqlite" else stored
