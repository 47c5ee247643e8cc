"""The command line: one file a command group; every verb takes `--settings`, and `--json` where it prints records."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast import __version__
from handfast.cli.on_demand import OnDemandGroup

app = typer.Typer(
    name="handfast",
    cls=OnDemandGroup,
    help="Pre-authenticating gateway with device partnership for Exchange and Skype for Business.",
    epilog="Exit codes: 0 done, 1 refused or finding, 2 usage, 3 unavailable, 4 not found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"handfast {__version__}")
        raise typer.Exit


@app.callback()
def handfast(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Nothing is done before a command; that there is this function tells typer that commands follow."""


__all__ = ["app"]
