"""Tables for people, JSON for scripts. Everything printed is escaped: device names and user agents come from strangers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from itertools import chain
from textwrap import indent
from typing import Any

import typer

from handfast.cli.exits import printable
from handfast.protocols.printed import one_line

Row = Mapping[str, Any]


def show_json(value: Any) -> None:
    """The value as JSON on standard output; ASCII, so that nothing in it can move a cursor."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=True))


def show_rows(rows: Iterable[Any], columns: Sequence[str], *, as_json: bool, empty: str = "nothing") -> None:
    """Records as a table of the named columns, or all of each as JSON."""
    show_pages([rows], columns, as_json=as_json, empty=empty)


def show_pages(
    pages: Iterable[Iterable[Any]], columns: Sequence[str], *, as_json: bool, empty: str = "nothing"
) -> None:
    """As `show_rows` shows the rows of all pages, but each page is printed, and forgotten, before the next is asked for."""
    listed = (rows for page in pages if (rows := [plain(one) for one in page]))
    if as_json:
        _show_json_list(listed)
        return
    tables = ([[cell(row.get(one)) for one in columns] for row in rows] for rows in listed)
    first = next(tables, None)
    if first is None:
        typer.echo(f"({empty})")
    else:
        _show_table([_heading(one) for one in columns], chain([first], tables))


def show_record(record: Any, *, as_json: bool) -> None:
    """One record: a line a field, or JSON."""
    fields = plain(record)
    if as_json or not isinstance(fields, dict):
        show_json(fields)
        return
    width = max((len(_heading(one)) for one in fields), default=0)
    for name, value in fields.items():
        if _is_table(value):
            typer.echo(f"{_heading(name)}:")
            show_rows(value, list(value[0]), as_json=False)
        else:
            typer.echo(f"{_heading(name):<{width}}  {cell(value)}".rstrip())


def show_done(message: str, result: Any, *, as_json: bool) -> None:
    """What was done, in one line; or the result as JSON."""
    if as_json:
        show_json({"done": True} if result is None else result)
    else:
        typer.echo(printable(message))


def plain(value: Any) -> Any:
    """Records, times, sets and enums as what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(one) for one in value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def cell(value: Any) -> str:
    """One value as text for a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return printable(", ".join(f"{key}={cell(one)}" for key, one in value.items()))
    if isinstance(value, list):
        return printable(", ".join(cell(one) for one in value))
    return one_line(_time(str(value)))


def _time(text: str) -> str:
    """ISO times to the second, other text as it is."""
    if len(text) < 19 or text[4:5] != "-" or text[10:11] != "T":
        return text
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _show_json_list(pages: Iterable[list[Any]]) -> None:
    """What `show_json` prints of the list of all rows. No page is empty."""
    before = "[\n"
    for page in pages:
        rows = (indent(json.dumps(row, indent=2, ensure_ascii=True), "  ") for row in page)
        typer.echo(before + ",\n".join(rows), nl=False)
        before = ",\n"
    typer.echo("[]" if before == "[\n" else "\n]")


def _show_table(headings: list[str], pages: Iterable[list[list[str]]]) -> None:
    """A table for each page on a terminal; else one for all, whose columns grow wider with the pages that need it."""
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - scripts need none of it
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        for page in pages:
            table = Table()
            for heading in headings:
                # A long word (a command, a path) goes on in the next line: cut off, it could not be used.
                table.add_column(heading, overflow="fold")
            for row in page:
                table.add_row(*[Text(one) for one in row])
            Console().print(table)
        return
    above, widths = [headings], [0] * len(headings)
    for page in pages:
        rows = [*above, *page]
        columns = zip(widths, *([len(one) for one in row] for row in rows), strict=True)
        widths = [max(column) for column in columns]
        for row in rows:
            typer.echo("  ".join(f"{one:<{width}}" for one, width in zip(row, widths, strict=True)).rstrip())
        above = []
