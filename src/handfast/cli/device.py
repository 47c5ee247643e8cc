"""`handfast device`: partnerships. A device is named ACCOUNT DEVICE_ID."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from handfast.cli.connection import administer
from handfast.cli.csv_files import encode_csv
from handfast.cli.csv_input import read_table
from handfast.cli.exits import printable
from handfast.cli.options import AccountArgument, DeviceArgument, JsonOption, SettingsOption
from handfast.cli.output import plain, show_done, show_json, show_record, show_rows
from handfast.cli.results import show_import
from handfast.identity.records import PartnershipState

commands = typer.Typer(name="device", help="Devices and their partnerships.", no_args_is_help=True)
COLUMNS = (
    "account",
    "device_id",
    "state",
    "device_type",
    "model",
    "os",
    "friendly_name",
    "user_agent",
    "last_seen_at",
    "last_source",
)


class ImportState(StrEnum):
    """What imported devices may become."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    PENDING = "pending"
    QUARANTINED = "quarantined"


@commands.command("list")
def list_(
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", show_default="all")] = None,
    state: Annotated[PartnershipState | None, typer.Option(help="Only devices in this state.")] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List devices, of one account or all."""
    rows = administer(settings, "device_list", account=account, state=state.value if state else None)
    show_rows(rows, COLUMNS, as_json=as_json, empty="no devices")


@commands.command("show")
def show(
    account: AccountArgument,
    device_id: DeviceArgument,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one device."""
    show_record(administer(settings, "device_show", account=account, device_id=device_id), as_json=as_json)


@commands.command("approve")
def approve(
    account: AccountArgument,
    device_id: DeviceArgument,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a pending or quarantined device in."""
    result = administer(settings, "device_approve", account=account, device_id=device_id)
    show_done(f"{account} {device_id} is allowed", result, as_json=as_json)


@commands.command("block")
def block(
    account: AccountArgument,
    device_id: DeviceArgument,
    all_accounts: Annotated[
        bool, typer.Option("--all-accounts", help="For every account that uses it.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the record.")] = "",
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse a device from now on, and cut what it has open; the account stays usable."""
    result = administer(
        settings,
        "device_block",
        account=account,
        device_id=device_id,
        all_accounts=all_accounts,
        reason=reason,
    )
    whose = (
        f"{device_id} is blocked for all accounts" if all_accounts else f"{account} {device_id} is blocked"
    )
    show_done(f"{whose}; its connections are cut", result, as_json=as_json)


@commands.command("unblock")
def unblock(
    account: AccountArgument,
    device_id: DeviceArgument,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a blocked device in again."""
    result = administer(settings, "device_unblock", account=account, device_id=device_id)
    show_done(f"{account} {device_id} is allowed again", result, as_json=as_json)


@commands.command("wipe")
def wipe(
    account: AccountArgument,
    device_id: DeviceArgument,
    account_only: Annotated[
        bool,
        typer.Option("--account-only", help="Erase this mailbox alone; devices that speak 16.1 know how."),
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take the order back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Order a device to erase itself at its next contact; until it says that it did, and after, it is refused."""
    if cancel:
        result = administer(settings, "device_wipe_cancel", account=account, device_id=device_id)
        show_done(_cancelled(account, device_id, result), result, as_json=as_json)
        return
    if not yes:
        known = administer(settings, "device_show", account=account, device_id=device_id)
        typer.echo(printable(_warning(account, device_id, known, account_only=account_only)), err=True)
        typer.confirm("Erase it?", abort=True, err=True)
    result = administer(
        settings, "device_wipe", account=account, device_id=device_id, account_only=account_only
    )
    what = "this account on it" if account_only else "itself"
    show_done(
        f"{account} {device_id} is refused, and will be told to erase {what}; its connections are cut",
        result,
        as_json=as_json,
    )


def _warning(account: str, device_id: str, known: Mapping[str, Any], *, account_only: bool) -> str:
    names = (known.get("friendly_name"), known.get("reported_model") or known.get("model"))
    who = ", ".join(str(name) for name in (*names, known.get("device_type")) if name) or "unknown model"
    if account_only:
        effect = (
            f"The mailbox of {account} will be ERASED from it. Devices that speak less than version 16.1 can't do that:"
            " they stay refused and keep what they have."
        )
    else:
        effect = (
            "The WHOLE DEVICE will be ERASED, with private photos and everything else on it, as new from the factory."
            " Some clients erase the mailbox alone."
        )
    seen = f"last seen {known.get('last_seen_at')} from {known.get('last_source') or 'nowhere'}"
    return f"{device_id} ({who}), {seen}.\n{effect}\nIt can't be undone once the device has been told."


def _cancelled(account: str, device_id: str, result: Mapping[str, Any]) -> str:
    was_sent = (
        " It had been told already: it may be erased all the same."
        if "sent" in str(result.get("state_reason", ""))
        else ""
    )
    return f"the wipe of {account} {device_id} is cancelled; it stays blocked (`handfast device unblock`).{was_sent}"


@commands.command("remove")
def remove(
    account: AccountArgument,
    device_id: DeviceArgument,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a device; it must pair anew."""
    result = administer(settings, "device_remove", account=account, device_id=device_id)
    show_done(f"{account} {device_id} is forgotten", result, as_json=as_json)


@commands.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV of `device export` or Get-MobileDevice | Export-Csv (-: standard input).",
        ),
    ],
    state: Annotated[
        ImportState | None, typer.Option(help="Give every device this state.", show_default="as in the file")
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add or update the devices of a CSV file; rows that can't be used are named, the others go in."""
    rows = list(read_table(file).rows)
    result = administer(settings, "device_import", rows=rows, state=state.value if state else None)
    show_import(result, as_json=as_json)


@commands.command("export")
def export(
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", show_default="standard output")
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all devices as CSV, safe to open in a spreadsheet; `device import` reads it back exactly."""
    rows = [plain(one) for one in administer(settings, "device_export")]
    if as_json:
        show_json(rows)
        return
    columns = list(rows[0]) if rows else list(COLUMNS)
    cells = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    content = encode_csv(columns, cells).encode()
    if file is not None:
        file.write_bytes(content)
        typer.echo(f"{len(rows)} devices written to {file}", err=True)
    else:
        typer.echo(content, nl=False)
