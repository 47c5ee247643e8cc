"""`handfast app-password`: what people type into an app in place of their domain password."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast.cli.connection import administer
from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.options import AccountArgument, JsonOption, SettingsOption
from handfast.cli.output import cell, plain, show_done, show_json, show_rows
from handfast.identity.channels import Channel, Profile

commands = typer.Typer(
    name="app-password", help="App passwords: one for each app on a device.", no_args_is_help=True
)
COLUMNS = (
    "id",
    "label",
    "channels",
    "state",
    "bound_device_id",
    "created_at",
    "use_by",
    "expires_at",
    "last_used_at",
)


@commands.command("issue")
def issue(
    account: AccountArgument,
    profile: Annotated[Profile, typer.Option(help="What it opens.")] = Profile.PHONE,
    channel: Annotated[
        list[Channel] | None,
        typer.Option(help="Open exactly these channels instead of a profile; repeatable."),
    ] = None,
    label: Annotated[str, typer.Option(help="A name for people.")] = "",
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE_ID", help="Only this device may use it.", show_default=False)
    ] = None,
    expires_days: Annotated[int | None, typer.Option(min=1, max=3650, show_default="never")] = None,
    ntlm: Annotated[bool, typer.Option("--ntlm", help="Let it be used by NTLM as well.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue an app password. It is shown once and never again."""
    issued = plain(
        administer(
            settings,
            "app_password_issue",
            account=account,
            profile=profile.value,
            channels=[one.value for one in channel] if channel else None,
            label=label,
            device_id=device,
            expires_days=expires_days,
            ntlm=ntlm,
        )
    )
    if as_json:
        show_json(issued)
        return
    typer.echo(issued["password"])
    typer.echo(f"App password {issued['id']} of {account}; this is the only time it is shown.", err=True)
    typer.echo(
        f"It opens {', '.join(issued['channels'])}; use it before {cell(issued['use_by'])} UTC.", err=True
    )


@commands.command("list")
def list_(account: AccountArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List an account's app passwords (never the secrets)."""
    rows = administer(settings, "app_password_list", account=account)
    show_rows(rows, COLUMNS, as_json=as_json, empty="no app passwords")


@commands.command("revoke")
def revoke(
    account: AccountArgument,
    password_id: Annotated[str, typer.Argument(metavar="ID", help="As `app-password list` shows it.")],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an app password now, and cut what it has open."""
    # Read as text, so that someone who gives the password itself learns what is wanted instead of a parser's error.
    if not (password_id.isascii() and password_id.isdigit()):
        remedy = f"take the number from `handfast app-password list {account}`"
        raise CommandFailed(Exit.USAGE, "an app password is named by its number", remedy)
    result = administer(settings, "app_password_revoke", account=account, id=int(password_id))
    show_done(f"app password {password_id} of {account} is revoked", result, as_json=as_json)
