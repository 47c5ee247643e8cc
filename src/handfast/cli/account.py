"""`handfast account`: who may sign in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from handfast.cli.connection import administer, in_pages, service_listens
from handfast.cli.csv_input import read_rows
from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.options import AccountArgument, JsonOption, SettingsOption
from handfast.cli.output import show_done, show_pages, show_record
from handfast.cli.results import show_import
from handfast.cli.secrets_input import read_secret

commands = typer.Typer(name="account", help="Accounts: who may sign in.", no_args_is_help=True)
COLUMNS = ("user", "domain", "upn", "display_name", "state", "directory_state")
IMPORT_COLUMNS = ("user", "domain", "upn", "display_name")

PinFileOption = Annotated[
    Path | None,
    typer.Option("--pin-file", metavar="FILE", help="Read the PIN from FILE (-: standard input)."),
]


@commands.command("add")
def add(
    user: Annotated[
        str, typer.Argument(metavar="USER", help="sAMAccountName, without domain.", show_default=False)
    ],
    domain: Annotated[str, typer.Option(help="NetBIOS domain.")] = "",
    upn: Annotated[str, typer.Option(help="User principal name, user@domain.")] = "",
    display_name: Annotated[str, typer.Option(help="Name for people.")] = "",
    with_pin: Annotated[bool, typer.Option("--pin", help="Ask for a PIN as well.")] = False,
    pin_file: PinFileOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an account."""
    pin = read_secret(pin_file, "PIN") if with_pin or pin_file else None
    added = administer(
        settings, "account_add", account_user=user, domain=domain, upn=upn, display_name=display_name, pin=pin
    )
    show_done(f"{user} is added; next: handfast app-password issue {upn or user}", added, as_json=as_json)


@commands.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV: user,domain,upn,display_name (-: standard input).")
    ],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the accounts of a CSV file."""
    rows = read_rows(file, required=("user",), known=IMPORT_COLUMNS)
    show_import(administer(settings, "account_import", rows=rows), as_json=as_json)


@commands.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List all accounts."""
    ages: list[float] = []
    show_pages(_pages(settings, ages), COLUMNS, as_json=as_json, empty="no accounts")
    if ages and not as_json:
        typer.echo(f"(the directory was read {min(ages):.0f} s ago)")


def _pages(settings: Path | None, ages: list[float]) -> Iterator[Any]:
    """All accounts; `ages` is told how long ago the directory was read, by the newest account of each page."""
    for page in in_pages(partial(administer, settings), "account_list", "id"):
        seen = [row["directory"]["age_seconds"] for row in page if row["directory"] is not None]
        ages += [min(seen)] if seen else []
        yield page


@commands.command("show")
def show(account: AccountArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Show one account."""
    show_record(administer(settings, "account_show", account=account), as_json=as_json)


@commands.command("disable")
def disable(account: AccountArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Refuse the account from now on, and cut what it has open."""
    result = administer(settings, "account_disable", account=account)
    cut = "; its connections are cut" if service_listens(settings) else ""
    show_done(f"{account} is disabled{cut}", result, as_json=as_json)


@commands.command("enable")
def enable(account: AccountArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Let a disabled account sign in again."""
    result = administer(settings, "account_enable", account=account)
    show_done(f"{account} is enabled", result, as_json=as_json)


@commands.command("remove")
def remove(account: AccountArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Remove a local account, or one the directory has no longer, with its app passwords and devices."""
    result = administer(settings, "account_remove", account=account)
    show_done(f"{account} is removed, with its app passwords and devices", result, as_json=as_json)


@commands.command("adopt")
def adopt(account: AccountArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Make a local account the directory's account of the same name; its devices and app passwords stay."""
    result = administer(settings, "account_adopt", account=account)
    show_done(f"{account} is the directory's account from now on", result, as_json=as_json)


@commands.command("set-pin")
def set_pin(
    account: AccountArgument,
    pin_file: PinFileOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the PIN away.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the account's PIN (asked for, never an argument), or clear it."""
    if clear and pin_file is not None:
        raise CommandFailed(Exit.USAGE, "--clear and --pin-file contradict each other", "give one of them")
    pin = None if clear else read_secret(pin_file, "PIN")
    result = administer(settings, "account_set_pin", account=account, pin=pin)
    show_done(f"the PIN of {account} is {'cleared' if clear else 'set'}", result, as_json=as_json)
