"""`handfast policy check ACCOUNT`: what applies to an account, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from handfast.cli.connection import administer
from handfast.cli.explain import describe
from handfast.cli.options import AccountArgument, JsonOption, SettingsOption
from handfast.cli.output import cell, plain, show_json, show_rows
from handfast.decision.reasons import Reason

commands = typer.Typer(name="policy", help="Access rules, roles and device policies.", no_args_is_help=True)
NAME_COLUMNS = ("name", "kind", "state", "rules")
EXAMPLE = "Example: handfast policy check alice@contoso.com --listener outside --source 192.0.2.7"
OPEN = "open"
"""The rule of a publication that no rule names."""
COLUMNS = ("publication", "listener", "outcome", "reason", "rule", "credentials", "mode", "devices")


@commands.command("check", epilog=EXAMPLE)
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
    """Explain what applies to an account: standing, groups and role, and for each publication the rule that decides."""
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
    for one in told["names_amiss"]:
        typer.echo(f"warning: {cell(one['what'])}\n  next  {cell(one['remedy'])}\n", err=True)
    _show_account(told)
    rows = [_row(one) for one in told["publications"]]
    show_rows(rows, COLUMNS, as_json=False, empty="published nowhere there")
    for one in rows:
        _show_reason(one, told["standing"])
    if any(one["rule"] == OPEN for one in rows):
        typer.echo("\nopen: no [[access]] rule names the publication, so that every account may use it")
    if any(one["asks_for_source"] for one in rows):
        typer.echo("\nsome of this depends on the source network: --source ADDRESS tells for one")


@commands.command("names")
def names(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the groups and accounts that access rules and roles name, and whether they are any."""
    rows = plain(administer(settings, "policy_names"))
    show_rows(rows, NAME_COLUMNS, as_json=as_json, empty="no rule names anybody")
    if not as_json:
        for one in rows:
            if one["is_amiss"]:
                typer.echo(f"\n{cell(one['what'])}\n  next  {cell(one['remedy'])}")


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
    typer.echo(f"  role    {_role(told)}")
    if told["domain_failures"]:
        typer.echo(f"  domain passwords: {told['domain_failures']} wrong ones reached the domain lately")
    typer.echo("")


def _role(told: dict[str, Any]) -> str:
    if not told["roles_are_set"]:
        return "no [[role]] is set: whoever may use the admin socket may everything"
    return f"{cell(told['role'])}, by {cell(told['role_by'])}" if told["role"] else "none"


def _row(told: dict[str, Any]) -> dict[str, Any]:
    policy = told["policy"]
    return {**told, "mode": policy["mode"], "devices": f"{told['devices']} of {policy['device_limit']}"}


def _show_reason(row: dict[str, Any], standing: str) -> None:
    """Why, or why not, and the narrower device rules where there are any."""
    said = []
    if row["fits_by"]:
        said.append(f"rule {cell(row['rule'])} fits by {cell(row['fits_by'])}")
    if row["reason"] and row["reason"] != standing:
        said.append(f"{describe(row['reason'])[0]} ({cell(row['rule'])})\n  next  {_next_step(row)}")
    rules = {name: value for name, value in row["policy"].items() if name.startswith(("allow_", "deny_"))}
    narrower = {name: value for name, value in rules.items() if value}
    if narrower and not row["reason"]:
        said.append(f"devices are held to {cell(narrower)}")
    for one in said:
        typer.echo(f"\n{cell(row['publication'])} on {cell(row['listener'])}: {one}")


def _next_step(row: dict[str, Any]) -> str:
    """For a refusal by access rules the general advice is to ask here."""
    if row["reason"] != Reason.ACCESS_REFUSED.value:
        return describe(row["reason"])[1]
    if row["fits_by"]:
        return "if that is wrong, take the account out of what the rule names, or change the rule"
    return (
        "put the account into a group that an [[access]] rule of the publication allows, or add such a rule"
    )
