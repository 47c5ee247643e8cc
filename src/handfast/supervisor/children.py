"""One child process: started, watched for readiness, restarted with growing pauses, told to reload or stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

READY_VARIABLE = "HANDFAST_READY_FD"
PARENT_VARIABLE = "HANDFAST_PARENT_PID"

READY_TIMEOUT_SECONDS = 60.0
"""A migration of a large database is the longest start there is."""

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_AFTER_SECONDS = 10.0
"""A child that lived so long starts again at the first pause."""

_log = structlog.get_logger("supervisor")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is started. It finds in its environment READY_VARIABLE, the descriptor it writes one byte to when it
    serves, and PARENT_VARIABLE, our process id.

    `on_end` is called with its process id whenever it has ended by itself.

    `user` is the account it runs as, or "" for the supervisor's own.
    """

    name: str
    arguments: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    on_end: Callable[[int], None] = lambda _pid: None


class Child:
    """A child that is kept running until `stop`."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.is_ready = False
        self.restarts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def is_stopping(self) -> bool:
        """True once `stop` was called: an end of the process is then what was asked for."""
        return self._stopping

    async def start(self) -> bool:
        """Starts the process and waits until it serves; False if it ended or stayed silent instead."""
        read_end, write_end = os.pipe()
        try:
            handed_down = {READY_VARIABLE: str(write_end), PARENT_VARIABLE: str(os.getpid())}
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.arguments,
                pass_fds=(*self.spec.descriptors, write_end),
                env={**os.environ, **self.spec.environment, **handed_down},
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal reaches the supervisor alone, which stops in order
                **_credentials_of(self.spec.user),
            )
        finally:
            os.close(write_end)
        self.is_ready = await _one_byte(read_end)
        return self.is_ready

    async def keep_running(self) -> None:
        """Starts the process again whenever it ends, until `stop`."""
        pause = FIRST_PAUSE_SECONDS
        clock = asyncio.get_running_loop().time
        began = clock()
        while not self.is_stopping():
            if self._process is not None:
                code = await self._process.wait()
                self.is_ready = False
                self.spec.on_end(self._process.pid)
                if self.is_stopping():
                    return
                pause = FIRST_PAUSE_SECONDS if clock() - began > STEADY_AFTER_SECONDS else pause
                _log.error("child-died", child=self.spec.name, code=code, restart_in=round(pause, 2))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if self.is_stopping():
                return
            began = clock()
            self.restarts += 1
            try:
                await self.start()
            except OSError as error:  # no memory, no descriptors: as bad as a child that dies at once
                _log.error("child-not-started", child=self.spec.name, error=str(error))
                self._process = None
                await asyncio.sleep(pause)
            if self.is_stopping():  # the stop came while the process was being made, and so did not reach it
                self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal if the process runs."""
        if self.pid is not None and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self, deadline_seconds: float) -> None:
        """SIGTERM, then SIGKILL at the deadline."""
        self._stopping = True
        if self._process is None:
            return
        self.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), deadline_seconds)
        except TimeoutError:
            _log.warning("child-killed", child=self.spec.name, after=deadline_seconds)
            self.send(signal.SIGKILL)
            await self._process.wait()


def _credentials_of(user: str) -> dict[str, Any]:
    """The user, its own group and no other, for a child that must not run as the supervisor."""
    if not user:
        return {}
    # Its group may read what it writes: the supervisor, a member, collects the metrics of all children.
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "umask": 0o027}


async def _one_byte(read_end: int) -> bool:
    """True when a byte comes, False at end of file or after the time-out; closes the descriptor."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    os.set_blocking(read_end, False)
    loop.add_reader(read_end, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), READY_TIMEOUT_SECONDS)
        return os.read(read_end, 1) != b""
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(read_end)
        os.close(read_end)
