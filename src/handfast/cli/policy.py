"""`handfast policy check ACCOUNT`: what applies to an account, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from handfast.cli.connection import administer
from handfast.cli.explain import describe
from handfast.cli.options import AccountArgument, JsonOption, SettingsOption
from handfast.cli.output import cell, plain, show_json, show_rows

commands = typer.Typer(name="policy", help="Access rules, roles and device policies.", no_args_is_help=True)
COLUMNS = ("publication", "listener", "outcome", "reason", "rule", "credentials", "mode", "devices")


@commands.command("check")
def check(
    account: AccountArgument,
    publication: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this publication.", show_default="all")
    ] = None,
    listener: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this listener.", show_default="all")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="As if asked from there; rules may name networks.")
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain what applies to an account: its standing, groups and role, and the rule that decides for each publication."""
    told = plain(
        administer(
            settings,
            "policy_check",
            account=account,
            publication=publication,
            listener=listener,
            source=source,
        )
    )
    if as_json:
        show_json(told)
        return
    _show_account(told)
    rows = [_row(one) for one in told["publications"]]
    show_rows(rows, COLUMNS, as_json=False, empty="published nowhere there")
    for one in rows:
        _show_reason(one)
    if any(one["asks_for_source"] for one in rows):
        typer.echo("\nsome of this depends on the source network: --source ADDRESS tells for one")


def _show_account(told: dict[str, Any]) -> None:
    standing = told["standing"]
    meaning = "may sign in" if not standing else f"refused: {standing}, {describe(standing)[0]}"
    until = f" (until {cell(told['stands_until'])})" if told["stands_until"] else ""
    typer.echo(f"{cell(told['account'])}: {meaning}{until}")
    if told["home"] == "directory":
        age = "never" if told["mirror_age_seconds"] is None else f"{told['mirror_age_seconds']:g} s ago"
        typer.echo(f"  home    the directory, {cell(told['sid'])}; last read {age}")
        typer.echo(f"  groups  {', '.join(cell(one['group']) for one in told['groups']) or 'none'}")
    else:
        typer.echo("  home    local: no groups")
    typer.echo(f"  role    {cell(told['role']) or 'none'}")
    if told["domain_failures"]:
        typer.echo(f"  domain passwords: {told['domain_failures']} wrong ones reached the domain lately")
    typer.echo("")


def _row(told: dict[str, Any]) -> dict[str, Any]:
    policy = told["policy"]
    return {**told, "mode": policy["mode"], "devices": f"{told['devices']} of {policy['device_limit']}"}


def _show_reason(row: dict[str, Any]) -> None:
    """Why not, and the narrower device rules where there are any."""
    place = f"{cell(row['publication'])} on {cell(row['listener'])}"
    if row["reason"]:
        meaning, step = describe(row["reason"])
        typer.echo(f"\n{place}: {meaning} ({cell(row['rule'])})\n  next  {step}")
        return
    rules = {
        name: value for name, value in row["policy"].items() if name.startswith(("allow_", "deny_")) and value
    }
    if rules:
        typer.echo(f"\n{place}: devices are held to {cell(rules)}")
