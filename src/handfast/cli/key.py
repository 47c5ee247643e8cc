"""`handfast key`: the keys that everything secret in the database hangs on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from handfast.cli.exits import CommandFailed, Exit
from handfast.cli.options import JsonOption, SettingsOption
from handfast.cli.output import show_done, show_rows
from handfast.settings.load import load_settings

commands = typer.Typer(name="key", help="The key file.", no_args_is_help=True)
COLUMNS = ("id", "created_at", "use")


def _key_file(settings_file: Path | None) -> Path:
    settings = load_settings(settings_file).settings
    if settings.gateway.identity is not None:
        raise CommandFailed(
            Exit.UNAVAILABLE,
            "this node is a gateway; the keys are kept where identity runs",
            f"run the command there ({settings.gateway.identity.url})",
        )
    return settings.identity.key_file


@commands.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the keys by id, never the keys themselves."""
    from handfast.keys.key_file import load_key_file  # noqa: PLC0415 - loaded only when needed

    keys = load_key_file(_key_file(settings))
    rows = [
        {
            "id": key.id,
            "created_at": key.created_at,
            "use": ", ".join(
                word for word, holds in (("current", key is keys[-1]), ("audit", key is keys[0])) if holds
            )
            or "older records",
        }
        for key in keys
    ]
    show_rows(rows, COLUMNS, as_json=as_json)


@commands.command("rotate")
def rotate(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Add a key for all that is made from the next start of identity on; older keys stay for what they made."""
    from handfast.keys.key_file import rotate_key_file  # noqa: PLC0415 - loaded only when needed

    file = _key_file(settings)
    key = rotate_key_file(file, now=datetime.now(UTC))
    show_done(
        f"key {key.id} is current once identity is restarted; back up {file}, and copy it to every identity that "
        "shares the database before you restart the first",
        {"id": key.id, "created_at": key.created_at, "file": str(file)},
        as_json=as_json,
    )
