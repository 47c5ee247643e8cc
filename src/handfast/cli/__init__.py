"""The command line: one file a command group; every verb takes `--settings`, and `--json` where it prints records."""

from __future__ import annotations

import typer

from handfast.cli import (
    account,
    app_password,
    audit,
    backend_secret,
    counter,
    device,
    directory,
    doctor,
    explain,
    init,
    kerberos,
    key,
    pki,
    policy,
    run,
    settings,
    window,
)
from handfast.cli.exits import ReportingGroup

app = typer.Typer(
    name="handfast",
    cls=ReportingGroup,
    help="Pre-authenticating gateway with device partnership for Exchange and Skype for Business.",
    epilog="Exit codes: 0 done, 1 refused or finding, 2 usage, 3 unavailable, 4 not found.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _group in (
    account,
    app_password,
    device,
    directory,
    window,
    counter,
    backend_secret,
    audit,
    policy,
    settings,
    kerberos,
    key,
    pki,
):
    app.add_typer(_group.commands)
explain.register(app)
doctor.register(app)
init.register(app)
run.register(app)

__all__ = ["app"]
