"""Options and arguments that many verbs share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="Settings file; else HANDFAST_SETTINGS, else /etc/handfast/handfast.toml.",
        show_default=False,
        readable=False,  # who may not read it is told by `load_settings` what to do
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
AccountArgument = Annotated[
    str,
    typer.Argument(metavar="ACCOUNT", help="UPN, DOMAIN\\user or the plain user name.", show_default=False),
]
DeviceArgument = Annotated[
    str, typer.Argument(metavar="DEVICE_ID", help="Device id, as `device list` shows it.", show_default=False)
]
