"""The line between the supervisor and one child: a socket pair that works whatever users the two run as.

A signal to a child of another user needs CAP_KILL, which no unit of ours gives. On the line the child says once that it
serves; the supervisor says "reload" any number of times, and hangs up to stop the child. The kernel hangs up for a
supervisor that dies: no child outlives it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

CONTROL_VARIABLE = "HANDFAST_CONTROL_FD"
"""In a child's environment: the descriptor of its end."""

_SERVING = b"S"
_RELOAD = b"R"
_READ_BYTES = 64
"""Reloads asked for while one is waiting to begin are one."""


class ControlLine:
    """The supervisor's end; `child_end` is handed down and closed here once the child has it."""

    def __init__(self) -> None:
        self._ours, self.child_end = socket.socketpair()
        self._ours.setblocking(False)

    async def serves(self, timeout_seconds: float) -> bool:
        """True once the child says so, False where it hangs up or stays silent instead."""
        try:
            heard = await asyncio.wait_for(
                asyncio.get_running_loop().sock_recv(self._ours, 1), timeout_seconds
            )
        except OSError:  # TimeoutError is one; so is a line that was cut while we listened
            return False
        return heard == _SERVING

    def reload(self) -> None:
        """Tells the child to take the settings anew; one that has ended can't hear it."""
        with contextlib.suppress(OSError):
            self._ours.send(_RELOAD)

    def hang_up(self) -> None:
        """Tells the child to stop; safe to call twice. Whoever waits in `serves` gets False."""
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Frees both ends."""
        self.child_end.close()
        self._ours.close()


class ControlledEnd:
    """The child's end, from the environment; in a process that nobody supervises it is silent."""

    def __init__(self, *, on_reload: Callable[[], None], on_stop: Callable[[], None]) -> None:
        """Calls `on_reload` and `on_stop` in the running loop. Raises: OSError where the descriptor is none."""
        descriptor = os.environ.pop(CONTROL_VARIABLE, None)
        self._line = socket.socket(fileno=int(descriptor)) if descriptor is not None else None
        self._on_reload, self._on_stop = on_reload, on_stop
        if self._line is not None:
            self._line.set_inheritable(False)
            self._line.setblocking(False)
            asyncio.get_running_loop().add_reader(self._line, self._hear)

    def say_serving(self) -> None:
        """Once, when it serves."""
        if self._line is not None:
            with contextlib.suppress(OSError):  # the supervisor is gone, which `_hear` learns too
                self._line.send(_SERVING)

    def _hear(self) -> None:
        assert self._line is not None
        try:
            heard = self._line.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if heard:
            self._on_reload()
            return
        asyncio.get_running_loop().remove_reader(self._line)
        self._on_stop()
