"""Gives all capabilities up. systemd hands them to the whole service as ambient ones, and only the supervisor needs them.

Without this a gateway worker would keep CAP_SETUID (a change from one ordinary user to another takes nothing away) and
could become the user that reads key file and database. Source: capabilities(7), capset(2), prctl(2).
"""

from __future__ import annotations

import ctypes
import os

_VERSION_3 = 0x20080522
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4


def drop_capabilities() -> None:
    """Empties the ambient, effective, permitted and inheritable sets of this thread; call it before there are others.

    Root keeps its own: whoever starts the service as root without `gateway.user` has asked for that, and root without
    capabilities could not even open the service user's files. Raises: OSError.
    """
    if os.geteuid() == 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    # Clears what `execve` would hand on; kernels before 4.3 know no ambient set and have nothing to clear.
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"can't drop capabilities: {os.strerror(number)}")
