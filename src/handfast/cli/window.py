"""`handfast window`: a short time in which one new device of an account may pair."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast.cli.connection import administer
from handfast.cli.options import AccountArgument, JsonOption, SettingsOption
from handfast.cli.output import show_done

commands = typer.Typer(name="window", help="Enrolment windows.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Enrolment windows: a short time in which one new device may pair."""


@commands.command("open")
def open_(
    account: AccountArgument,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long it stays open.")] = 10,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let one new device of the account pair in the next minutes."""
    result = administer(settings, "window_open", account=account, minutes=minutes)
    show_done(f"one new device of {account} may pair in the next {minutes} minutes", result, as_json=as_json)
