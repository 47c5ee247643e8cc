"""`handfast audit`: the trail of changes and authenticated decisions, and whether it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from handfast.cli.connection import administer, in_pages, open_administration
from handfast.cli.exits import Exit, printable
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import plain, show_json, show_rows
from handfast.settings.load import load_settings
from handfast.settings.model import Settings

commands = typer.Typer(name="audit", help="The audit trail.", no_args_is_help=True)
COLUMNS = ("sequence", "at", "event", "actor", "subject", "details")
MAX_CHECKPOINT_BYTES = 64 * 1024 * 1024


@commands.command("show")
def show(
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 50,
    after: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
    event: Annotated[str | None, typer.Option(help="Only this event, e.g. identity:device:blocked.")] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show entries of the trail."""
    rows = administer(settings, "audit_show", limit=limit, after=after, event=event)
    show_rows(rows, COLUMNS, as_json=as_json, empty="no entries")


@commands.command("verify")
def verify(
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            "--checkpoints",
            metavar="FILE",
            help="Checkpoints kept elsewhere.",
            show_default="the settings' own",
        ),
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find entries that were changed, removed, reordered or cut off. Exit 1 where there are any."""
    loaded = load_settings(settings).settings
    lines = _read_checkpoints(checkpoints) if checkpoints is not None else _own_checkpoints(loaded)
    with open_administration(loaded) as administration:
        result = plain(administration.call("audit_verify", checkpoints=lines))
    if as_json:
        show_json(result)
    elif result["ok"]:
        typer.echo(f"the trail is whole: {result['entries']} entries")
    else:
        typer.echo(
            f"the trail is NOT whole: {len(result['findings'])} findings in {result['entries']} entries"
        )
        for one in result["findings"]:
            typer.echo(printable(f"  {one if isinstance(one, str) else json.dumps(one)}"))
    if not result["ok"]:
        raise typer.Exit(Exit.REFUSED)


def _own_checkpoints(settings: Settings) -> list[str]:
    """Those that identity wrote outside the database. None yet is said, because a cut end can't show then."""
    from handfast.app.records import checkpoint_path  # noqa: PLC0415 - the composition root is heavy

    file = checkpoint_path(settings)
    if file is not None and file.exists():
        return _read_checkpoints(file)
    typer.echo(f"no checkpoints at {file}: entries cut off the end would not show", err=True)
    return []


def _read_checkpoints(file: Path) -> list[str]:
    """The lines of a checkpoint file, the newest ones where it is very long. Raises: OSError."""
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        start = max(size - MAX_CHECKPOINT_BYTES, 0)
        opened.seek(start)
        lines = opened.read(MAX_CHECKPOINT_BYTES).decode("ascii", "backslashreplace").splitlines()
    # Reading from the middle of the file begins in the middle of a line.
    return [line for line in (lines[1:] if start else lines) if line.strip()]


@commands.command("export")
def export(
    after: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", show_default="standard output")
    ] = None,
    settings: SettingsOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Write the trail as JSON lines, oldest first."""
    call = partial(administer, settings)
    chains = plain(
        call("audit_chains")
    )  # before the file is opened: whoever may not ask keeps the older export in it
    entries = _entries(call, chains, after)
    lines = (json.dumps(entry, ensure_ascii=True) for entry in entries)
    if file is None:
        for line in lines:
            typer.echo(line)
        return
    with file.open("w", encoding="ascii") as opened:
        count = 0
        for line in lines:
            opened.write(line + "\n")
            count += 1
    typer.echo(f"{count} entries written to {file}", err=True)


def _entries(call: Callable[..., Any], chains: Iterable[str], after: int) -> Iterator[Any]:
    for chain in chains:
        for page in in_pages(call, "audit_export", "sequence", after=after, chain=chain):
            yield from plain(page)
