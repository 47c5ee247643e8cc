"""Turns among the worker processes of one run: a test marked `alone` has the machine to itself, the others share it.

What measures time, or loads the machine so that others would measure wrong, must not stand beside another test. So each
test takes a shared lock while it runs and a lone one an exclusive lock. Before the lock is a door that whoever waits for
it keeps shut: else the others' shared locks could follow each other for ever.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

DOOR, ROOM = (Path(__file__).with_name(name) for name in ("turns.py", "conftest.py"))
"""Files that are there anyway: a lock needs one, and leaves no trace in it. Source: flock(2)."""


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """The time of one test. A run of a single process has nobody to wait for, and takes no lock."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with contextlib.ExitStack() as room:
        with _locked(DOOR, fcntl.LOCK_EX):
            room.enter_context(_locked(ROOM, fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
