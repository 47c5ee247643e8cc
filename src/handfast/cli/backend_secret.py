"""`handfast backend-secret`: the back end's own password of an account, for publications with auth = "stored"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handfast.cli.connection import administer
from handfast.cli.options import AccountArgument, JsonOption, SettingsOption
from handfast.cli.output import show_done, show_rows
from handfast.cli.secrets_input import read_secret

commands = typer.Typer(
    name="backend-secret", help="Stored sign-ins behind us (one machine only).", no_args_is_help=True
)
COLUMNS = ("account", "publication", "user_name", "state", "suspended_at")
PublicationArgument = Annotated[str, typer.Argument(metavar="PUBLICATION", help="As in the settings file.")]


@commands.command("set")
def set_(
    account: AccountArgument,
    publication: PublicationArgument,
    user_name: Annotated[
        str, typer.Option("--user-name", help="Name it has behind us.", show_default="the account's user")
    ] = "",
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", metavar="FILE", help="Read it from FILE (-: standard input)."),
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store (or replace) the password; a suspended one becomes active again."""
    password = read_secret(password_file, "password")
    result = administer(
        settings,
        "secret_set",
        account=account,
        publication=publication,
        user_name=user_name,
        password=password,
    )
    show_done(f"the password of {account} for {publication} is stored", result, as_json=as_json)


@commands.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List what is stored, without the passwords."""
    show_rows(administer(settings, "secret_list"), COLUMNS, as_json=as_json, empty="nothing stored")


@commands.command("remove")
def remove(
    account: AccountArgument,
    publication: PublicationArgument,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget the stored password."""
    result = administer(settings, "secret_remove", account=account, publication=publication)
    show_done(f"the password of {account} for {publication} is removed", result, as_json=as_json)
