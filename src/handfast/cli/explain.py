"""`handfast explain REQUEST_ID`: why a request was answered as it was, and what to do next."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast.cli.connection import administer
from handfast.cli.next_steps import NEXT_STEPS
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import cell, plain, show_json, show_rows
from handfast.decision.reasons import Reason

STAGE_COLUMNS = ("stage", "outcome", "reason", "rule", "detail")
FACTS = (
    "at",
    "source",
    "node",
    "listener",
    "publication",
    "channel",
    "login",
    "device_id",
    "user_agent",
    "request_line",
)


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("explain")(explain)


def explain(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="From the log or the answer.")],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a decision: each stage, its outcome and rule, what the reason means, and what to do next."""
    told = plain(administer(settings, "explain", request_id=request_id))
    meaning, step = describe(str(told.get("reason", "")))
    if as_json:
        show_json({**told, "meaning": meaning, "next_step": step})
        return
    typer.echo(f"{request_id}: {cell(told.get('outcome'))}, {cell(told.get('reason'))}")
    typer.echo(f"  meaning  {meaning}\n  next     {step}\n")
    for name in FACTS:
        if told.get(name):
            typer.echo(f"  {name.replace('_', ' '):<12}  {cell(told[name])}")
    typer.echo("")
    show_rows(told.get("stages", []), STAGE_COLUMNS, as_json=False, empty="no stage was asked")


def describe(value: str) -> tuple[str, str]:
    """(meaning, next step) of a reason; a record of a newer version may hold one we don't know."""
    for reason in Reason:
        if reason.value == value:
            return reason.meaning, NEXT_STEPS[reason]
    return "a reason this version does not know", "use the version that wrote the record"
