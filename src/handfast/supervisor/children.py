"""One child process: started, watched for readiness, restarted with growing pauses, told to reload or stop."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from handfast.supervisor.control_line import CONTROL_VARIABLE, ControlLine

READY_TIMEOUT_SECONDS = 60.0
"""A migration of a large database is the longest start there is."""

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_AFTER_SECONDS = 10.0
"""A child that lived so long starts again at the first pause."""

_log = structlog.get_logger("supervisor")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is started; its end of the control line is in its environment.

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
        self._line: ControlLine | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def is_stopping(self) -> bool:
        """True once `stop` was called: an end of the process is then what was asked for."""
        return self._stopping

    async def start(self) -> bool:
        """Starts the process and waits until it serves; False if it ended or stayed silent instead.

        Raises: OSError where it can't be made, PermissionError where its user may not run it.
        """
        self.close()
        line = self._line = ControlLine()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.arguments,
                pass_fds=(*self.spec.descriptors, line.child_end.fileno()),
                env={**os.environ, **self.spec.environment, CONTROL_VARIABLE: str(line.child_end.fileno())},
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal reaches the supervisor alone, which stops in order
                **_credentials_of(self.spec.user),
            )
        finally:
            line.child_end.close()
        if self.is_stopping():  # the stop came while the process was being made, and hung up another line
            line.hang_up()
        self.is_ready = await line.serves(READY_TIMEOUT_SECONDS)
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

    def reload(self) -> None:
        """Tells the process, if it runs, to take the settings anew."""
        if self._line is not None:
            self._line.reload()

    async def stop(self, deadline_seconds: float) -> None:
        """Hangs up, and kills at the deadline."""
        self._stopping = True
        if self._line is not None:
            self._line.hang_up()
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), deadline_seconds)
        except TimeoutError:
            _log.warning("child-killed", child=self.spec.name, after=deadline_seconds)
            await self._kill(self._process)
            await self._process.wait()

    def close(self) -> None:
        """Frees the line, once nothing of it runs any more."""
        if self._line is not None:
            self._line.close()

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        """SIGKILL, for which we become the child's user where we may not send it as our own."""
        try:
            process.kill()
        except ProcessLookupError:
            return
        except PermissionError:
            killer = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", _KILL, str(process.pid)), **_credentials_of(self.spec.user)
            )
            await killer.wait()


_KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


def _credentials_of(user: str) -> dict[str, Any]:
    """The user, its own group and no other, for a child that must not run as the supervisor."""
    if not user:
        return {}
    # Its group may read what it writes: the supervisor, a member, collects the metrics of all children.
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "umask": 0o027}
