"""`handfast serve`, `gateway`, `identity`, `demo`: the services themselves, built by `handfast.app`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from handfast.cli.options import SettingsOption
from handfast.cli.privileges import drop_capabilities


class DemoMode(StrEnum):
    """How devices pair in the demo."""

    FIRST_USE = "first-use"
    WINDOW = "window"
    APPROVAL = "approval"
    LISTED = "listed"


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command("serve")(serve)
    app.command("gateway")(gateway)
    app.command("identity")(identity)
    app.command("demo")(demo)
    app.command("worker", hidden=True)(worker)


def serve(settings: SettingsOption = None) -> None:
    """Run everything: supervisor, identity and gateway workers."""
    from handfast import app  # noqa: PLC0415 - the composition root loads every adapter

    app.serve(settings)


def gateway(settings: SettingsOption = None) -> None:
    """Run the gateway alone; identity runs on another machine."""
    from handfast import app  # noqa: PLC0415 - the composition root loads every adapter

    app.gateway(settings)


def identity(settings: SettingsOption = None) -> None:
    """Run identity alone; gateways run on other machines."""
    from handfast import app  # noqa: PLC0415 - the composition root loads every adapter

    app.identity(settings)


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the gateway; 0: a free one.")] = 0,
    mode: Annotated[DemoMode, typer.Option(help="How devices pair.")] = DemoMode.FIRST_USE,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", metavar="FILE", help="Write JSON here once it serves.")
    ] = None,
    _settings: SettingsOption = None,
) -> None:
    """Run a gateway, a simulated Exchange and a simulated phone on this machine; leaves nothing behind."""
    from handfast import app  # noqa: PLC0415 - the composition root loads every adapter

    app.demo(port, mode.value, ready_file)


def worker(
    kind: Annotated[str, typer.Argument(metavar="KIND")],
    settings: SettingsOption = None,
) -> None:
    """Run one child of the supervisor; not for people."""
    drop_capabilities()
    from handfast import app  # noqa: PLC0415 - the composition root loads every adapter

    raise typer.Exit(app.worker(kind, settings))
