"""`handfast settings`: whether the file is good, what it comes to, and what it may hold."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from handfast.app.restart_needs import read_note, waiting_for_restart
from handfast.cli.exits import Exit, printable
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import plain, show_json
from handfast.settings.check_files import check_files
from handfast.settings.load import load_settings, settings_path
from handfast.settings.model import Settings
from handfast.settings.problems import Problem, SettingsError, shown
from handfast.settings.reference import json_schema, reference_markdown

commands = typer.Typer(name="settings", help="The settings file.", no_args_is_help=True)


@commands.command("check")
def check(
    with_files: Annotated[
        bool, typer.Option("--files/--no-files", help="Also look for the files it names.")
    ] = True,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find everything that is wrong with the settings, at once. Exit 1 where there is anything.

    Names also what the service that runs takes only when it is restarted.
    """
    warnings: tuple[Problem, ...] = ()
    waiting: list[str] = []
    try:
        loaded = load_settings(settings)
        waiting = waiting_for_restart(read_note(loaded.settings), loaded.settings)
        problems, warnings = tuple(check_files(loaded.settings)) if with_files else (), loaded.warnings
        if with_files and not problems:
            problems = _of_directory(loaded.settings)
    except SettingsError as error:
        if error.is_missing:
            raise
        problems = error.problems
    if as_json:
        show_json(
            {
                "ok": not problems,
                "problems": plain(problems),
                "warnings": plain(warnings),
                "waits_for_restart": waiting,
            }
        )
    else:
        for kind, items in (("problem", problems), ("warning", warnings)):
            for one in items:
                typer.echo(printable(f"{kind}: {one}"))
        if waiting:
            typer.echo(
                f"restart: {', '.join(waiting)} changed since the service was started; a reload leaves them"
            )
        file = settings_path(settings)
        typer.echo(f"{file}: {len(problems)} problems" if problems else f"{file}: good")
    if problems:
        raise typer.Exit(Exit.REFUSED)


def _of_directory(settings: Settings) -> tuple[Problem, ...]:
    """What a reload would be refused for."""
    if not settings.directory.servers:
        return ()
    from handfast.app.directory_setup import directory_problems  # noqa: PLC0415 - loads LDAP

    return tuple(directory_problems(settings))


@commands.command("show")
def show(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Show the settings in force: file, environment and defaults together."""
    loaded = load_settings(settings)
    values = loaded.settings.model_dump(mode="json", by_alias=True)
    if as_json:
        show_json(values)
        return
    typer.echo(f"# {loaded.path}")
    for path, value in _leaves(values, ""):
        typer.echo(printable(f"{path} = {_value(value)}"))


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in _leaves(one, f"{path}.{key}" if path else key)]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return [leaf for index, one in enumerate(value) for leaf in _leaves(one, f"{path}[{index}]")]
    return [(path, value)]


def _value(value: Any) -> str:
    if value is None:
        return "(not set)"
    return str(value).lower() if isinstance(value, bool) else shown(value)


@commands.command("schema")
def schema(_settings: SettingsOption = None, _as_json: JsonOption = True) -> None:
    """Print the JSON schema of the settings file."""
    show_json(json_schema())


@commands.command("reference")
def reference(_settings: SettingsOption = None) -> None:
    """Print the reference page (docs/settings.md)."""
    typer.echo(reference_markdown(), nl=False)
