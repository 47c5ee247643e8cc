"""What every child of the supervisor does the same way: load settings, serve, say so, reload on SIGHUP, stop on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import uvloop

from handfast.app.core_dumps import forbid_core_dumps
from handfast.app.death import end_with_parent
from handfast.app.file_limit import raise_file_limit
from handfast.observability.log_output import LogOutput
from handfast.observability.logging import configure, event_log
from handfast.settings.load import load_settings
from handfast.settings.model import Settings
from handfast.settings.problems import SettingsError
from handfast.supervisor.children import PARENT_VARIABLE, READY_VARIABLE

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
    """Runs a service until SIGTERM (or SIGINT, where it was started by hand); returns the exit code."""
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is not None:
        end_with_parent(int(parent))
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
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    service = build(settings)
    try:
        await service.start()
    except Exception as error:  # noqa: BLE001 - a child that can't start says why in one line, whatever it was
        _LOG.error(
            "not-started", error=f"{type(error).__name__}: {error}", remedy=getattr(error, "remedy", "")
        )
        return 3
    reloading: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        task = loop.create_task(_reload(settings_file, service, output))
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    _say_ready()
    await stopping.wait()
    await service.stop()
    return 0


async def _reload(settings_file: Path | None, service: Service, output: LogOutput) -> None:
    """The supervisor has checked the settings; should they have changed since, the old ones stay."""
    output.reopen()
    try:
        await service.reload(load_settings(settings_file).settings)
    except SettingsError as error:
        _LOG.error("reload-failed", error=str(error), remedy=STAYS)
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody may think that the new settings are in force
        _LOG.error("reload-failed", error=f"{type(error).__name__}: {error}", remedy=STAYS)


def _say_ready() -> None:
    descriptor = os.environ.pop(READY_VARIABLE, None)
    if descriptor is not None:
        os.write(int(descriptor), b"1")
        os.close(int(descriptor))
