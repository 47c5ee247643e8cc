"""A child must not outlive its supervisor: the kernel is asked to end it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when the thread that made it ends."""


def end_with_parent(parent_pid: int) -> None:
    """Asks for SIGTERM when the parent dies; ends at once where it has died already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise SystemExit(1)
