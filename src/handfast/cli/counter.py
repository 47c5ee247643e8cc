"""`handfast counter`: failures that hold back human-chosen secrets."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast.cli.connection import administer
from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import show_done, show_rows

commands = typer.Typer(name="counter", help="Failure counters.", no_args_is_help=True)
COLUMNS = ("kind", "scope", "failures", "window_start")


@commands.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the counters that stand above zero."""
    show_rows(administer(settings, "counter_list"), COLUMNS, as_json=as_json, empty="no failures")


@commands.command("clear")
def clear(
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Counters of this account.")] = None,
    source: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Counters of this address.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All counters.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set counters to zero, so that a locked-out person can try again.

    Those of domain passwords stay: the domain counts on, and the next guesses would lock the account there. They end by
    themselves, with the domain's own window.
    """
    if [account is not None, source is not None, everything].count(True) != 1:
        said = "which counters? Give one of --account, --source, --everything"
        raise CommandFailed(Exit.USAGE, said, "`handfast counter list` shows them")
    result = administer(settings, "counter_clear", account=account, source=source, everything=everything)
    show_done("the counters are cleared; those of domain passwords stay", result, as_json=as_json)
