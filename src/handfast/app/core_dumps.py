"""No core dump of a process that holds keys, passwords and sessions, and no debugger of the same user at it.

A dump is written where nobody expects secrets, and often sent to somebody. Source: prctl(2), core(5): a limit of 0 does not
hold where `core_pattern` is a pipe (systemd-coredump, apport), a process that is not dumpable does.
"""

from __future__ import annotations

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """For the rest of this process; its children decide for themselves."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
