"""`handfast kerberos`: is the domain set up so that people can be signed in behind us, and nothing more?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.bind_refusals import SharedRefusals
from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import plain, show_json, show_rows
from handfast.protocols.printed import one_line
from handfast.settings.load import load_settings

if TYPE_CHECKING:
    from handfast.doctor.kerberos.facts import Setup
    from handfast.doctor.kerberos.findings import KerberosFinding

commands = typer.Typer(name="kerberos", help="Kerberos: keytab, SPNs and delegation.", no_args_is_help=True)
COLUMNS = ("severity", "id", "what", "remedy")


@commands.callback()
def group() -> None:
    """Kerberos: keytab, SPNs and delegation."""


@commands.command("check")
def check(
    user: Annotated[
        str, typer.Option(metavar="ACCOUNT", help="Also try a ticket for this account on each back end.")
    ] = "",
    servers_account: Annotated[
        str,
        typer.Option(metavar="NAME", help="The account that the back ends share, for the commands printed."),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the report as a page.")
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at account, keytab, SPNs, delegation, names and clock; each finding with the commands that mend it."""
    from handfast.app.identity_user import as_identity_user, refuse_others  # noqa: PLC0415 - loads the database
    from handfast.app.kerberos_check import look  # noqa: PLC0415 - loads LDAP and Kerberos
    from handfast.doctor.kerberos.judging import judge  # noqa: PLC0415 - as above
    from handfast.doctor.kerberos.report import render_report  # noqa: PLC0415 - as above

    loaded = load_settings(settings).settings
    if not loaded.directory.servers or loaded.kerberos.keytab is None:
        said = "there is no [[directory.server]], or no keytab under [kerberos]"
        remedy = "`handfast directory init` writes [directory] and prints what makes the keytab; name that under [kerberos]"
        raise CommandFailed(Exit.USAGE, said, remedy)
    refuse_others(loaded)
    now = datetime.now(UTC)
    with as_identity_user(loaded):
        setup = look(loaded, user, servers_account, SharedRefusals(loaded))
    findings = judge(setup, now)
    if html is not None:
        html.write_text(render_report(setup, findings, now), encoding="utf-8")
    if as_json:
        show_json(plain(findings))
    else:
        _show(setup, findings)
        if html is not None:
            typer.echo(one_line(f"the report is in {html}"))
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(Exit.REFUSED)


def _show(setup: Setup, findings: list[KerberosFinding]) -> None:
    for ticket in setup.trial.tickets if setup.trial else ():
        typer.echo(one_line(f"ticket for {ticket.spn}: {ticket.problem or 'obtained'}"))
    for answer in setup.trial.answers if setup.trial else ():
        typer.echo(one_line(f"{answer.url}: {answer.problem or f'HTTP {answer.status}'}"))
    show_rows(findings, COLUMNS, as_json=False, empty="no findings")
    for finding in findings:
        if not finding.commands.powershell and not finding.commands.samba:
            continue
        typer.echo("\n" + one_line(f"{finding.id}: {finding.what}"))
        for line in finding.commands.powershell:
            typer.echo(one_line(f"  PS> {line}"))
        for line in finding.commands.samba:
            typer.echo(one_line(f"  #   {line}"))
