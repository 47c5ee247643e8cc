"""The supervisor's life: start in order, keep running, reload, stop in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

import structlog

from handfast.supervisor.children import Child, ChildSpec

_log = structlog.get_logger("supervisor")

STOP_MARGIN_SECONDS = 5.0
"""What a child gets beyond its own deadline before it is killed."""


class StartFailed(Exception):
    """A child ended before it served; it has said why on standard error."""


class StartForbidden(Exception):
    """A child's user may not run it, or we may not become that user; `str()` is the system's reason."""


class Supervisor:
    """Runs groups of children: a group starts when the one before it serves, and stops before it.

    `check_reload` validates the settings anew and returns problems; only without any are the children told.
    `on_ready` is called once, when everything serves for the first time; `on_stopping` once, before any child is told.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[ChildSpec]],
        *,
        stop_deadline_seconds: float,
        check_reload: Callable[[], Sequence[str]],
        on_ready: Callable[[], None] = lambda: None,
        on_stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self._groups = [[Child(spec) for spec in group] for group in groups]
        self._deadline = stop_deadline_seconds
        self._check_reload = check_reload
        self._on_ready = on_ready
        self._on_stopping = on_stopping
        self._stop = asyncio.Event()

    @property
    def is_healthy(self) -> bool:
        """True while every child serves."""
        return all(child.is_ready for group in self._groups for child in group) and not self._stop.is_set()

    def status(self) -> list[dict[str, object]]:
        """One row a child: name, pid, whether it serves, restarts."""
        return [
            {"name": child.spec.name, "pid": child.pid, "ready": child.is_ready, "restarts": child.restarts}
            for group in self._groups
            for child in group
        ]

    def request_stop(self) -> None:
        """Begins the ordered stop; safe to call twice."""
        self._stop.set()

    async def run(self) -> None:
        """Starts everything and returns after the ordered stop.

        Raises:
            StartFailed: a child ended before it served for the first time; the others are stopped again.
            StartForbidden: so are they then.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        keepers: list[asyncio.Task[None]] = []
        try:
            for group in self._groups:
                await self._start(group)
                keepers += [loop.create_task(child.keep_running()) for child in group]
            if not self._stop.is_set():
                self._on_ready()
                _log.info("serving", children=sum(map(len, self._groups)))
            await self._stop.wait()
        finally:
            self._stop.set()
            _log.info("stopping", deadline=self._deadline)
            self._on_stopping()
            for group in reversed(self._groups):
                await asyncio.gather(*(child.stop(self._deadline + STOP_MARGIN_SECONDS) for child in group))
            await asyncio.gather(*keepers, return_exceptions=True)
            for child in (child for group in self._groups for child in group):
                child.close()
            _log.info("stopped")

    async def _start(self, group: Sequence[Child]) -> None:
        """Starts a group in parallel; a stop asked for meanwhile wins."""
        starting: asyncio.Future[list[bool]] = asyncio.gather(*(child.start() for child in group))
        stopping: asyncio.Future[object] = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._stop.is_set():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        try:
            answers = starting.result()
        except PermissionError as error:
            raise StartForbidden(error.strerror) from error
        for child, served in zip(group, answers, strict=True):
            if not served:
                raise StartFailed(f"{child.spec.name} did not start; what it said stands above")

    def _reload(self) -> None:
        problems = self._check_reload()
        if problems:
            _log.error(
                "reload-refused", problems=list(problems), remedy="mend the settings and send SIGHUP again"
            )
            return
        _log.info("reloading")
        for group in self._groups:
            for child in group:
                child.reload()
