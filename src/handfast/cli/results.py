"""What an import reports: how many rows went in, and which did not."""

from __future__ import annotations

from typing import Any

import typer

from handfast.cli.exits import Exit, printable
from handfast.cli.output import plain, show_json


def show_import(result: Any, *, as_json: bool) -> None:
    """The numbers, each problem with its row; exit 1 where a row was refused."""
    told = plain(result)
    problems = told.get("problems", [])
    if as_json:
        show_json(told)
    else:
        numbers = [f"{value} {name}" for name, value in told.items() if isinstance(value, int)]
        typer.echo(", ".join([*numbers, f"{len(problems)} refused"]))
        for one in problems:
            typer.echo(printable(f"  row {one['row']}: {one['problem']}"), err=True)
    if problems:
        raise typer.Exit(Exit.REFUSED)
