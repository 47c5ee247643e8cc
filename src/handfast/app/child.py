"""What every child of the supervisor does the same way: load settings, serve, say so, reload and stop when it is told.

The supervisor tells it by the control line; SIGHUP and SIGTERM do the same, for a child that was started by hand.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import uvloop

from handfast.app.core_dumps import forbid_core_dumps
from handfast.app.file_limit import raise_file_limit
from handfast.observability.log_output import LogOutput
from handfast.observability.logging import configure, event_log
from handfast.settings.load import load_settings
from handfast.settings.model import Settings
from handfast.settings.problems import SettingsError
from handfast.supervisor.control_line import ControlledEnd

STAYS = "the settings before it stay in force; mend what it says, and reload again"

_LOG = event_log("child")


class Service(Protocol):
    """What runs in a child."""

    async def start(self) -> None:
        """Serves when it returns."""
        ...

    async def reload(self, settings: Settings) -> None: ...

    async def stop(self) -> None: ...


def run_service(settings_file: Path | None, build: Callable[[Settings], Service]) -> int:
    """Runs a service until it is told to stop; returns the exit code."""
    forbid_core_dumps()
    settings = load_settings(settings_file).settings
    output = configure(level=settings.log.level, form=settings.log.format, file=settings.log.file)
    raise_file_limit()
    return uvloop.run(_serve(settings_file, settings, build, output))


async def _serve(
    settings_file: Path | None, settings: Settings, build: Callable[[Settings], Service], output: LogOutput
) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    reloading: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(settings_file, service, output))
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    service = build(settings)
    try:
        await service.start()
    except Exception as error:  # noqa: BLE001 - a child that can't start says why in one line, whatever it was
        said, remedy = _plain(error)
        _LOG.error("not-started", error=said, remedy=remedy)
        return 3
    loop.add_signal_handler(signal.SIGHUP, reload)
    # Only now: what the supervisor says to a child that starts waits in the line.
    ControlledEnd(on_reload=reload, on_stop=stopping.set).say_serving()
    await stopping.wait()
    await service.stop()
    return 0


def _plain(error: Exception) -> tuple[str, str]:
    """(what went wrong, the remedy or ""): some errors say both in one text."""
    remedy = str(getattr(error, "remedy", ""))
    said = str(error).removesuffix(remedy).rstrip(" .") if remedy else str(error)
    return said if remedy else f"{type(error).__name__}: {said}", remedy


async def _reload(settings_file: Path | None, service: Service, output: LogOutput) -> None:
    """The supervisor has checked the settings; should they have changed since, the old ones stay."""
    output.reopen()
    try:
        await service.reload(load_settings(settings_file).settings)
    except SettingsError as error:
        _LOG.error("reload-failed", error=str(error), remedy=STAYS)
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody may think that the new settings are in force
        _LOG.error("reload-failed", error=f"{type(error).__name__}: {error}", remedy=STAYS)
