"""What a subject's processes have used: CPU time and memory, of a process and all it started."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from pathlib import Path

from tests.servers.processes import descendants

_PAGE_KIB = os.sysconf("SC_PAGESIZE") // 1024


def cpu_seconds(pid: int) -> dict[int, float]:
    """User and system time of each process of the tree, in nanosecond resolution.

    The same sum as utime + stime of /proc/PID/stat, whose ticks of 10 ms are too coarse for short rounds.
    Source: clock_getcpuclockid(3); Linux encodes the process into the clock id (posix-timers.h, CPUCLOCK_SCHED = 2).
    """
    used = {}
    for member in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            used[member] = time.clock_gettime((~member << 3) | 2)
    return used


def cpu_between(before: dict[int, float], after: dict[int, float]) -> float:
    """Seconds used since `before`. Raises: RuntimeError when a process ended meanwhile, and took its time with it."""
    if gone := before.keys() - after.keys():
        raise RuntimeError(f"processes {sorted(gone)} of the subject ended during the measurement")
    return sum(seconds - before.get(member, 0.0) for member, seconds in after.items())


def rss_kib(pid: int) -> int:
    """Resident memory of the tree. Pages that processes share count in each; differences cancel them out."""
    total = 0
    for member in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{member}/statm").read_text().split()[1]) * _PAGE_KIB
    return total


def raise_file_limit(wanted: int) -> None:
    """Lets this process, and those it starts, hold `wanted` open files. Raises: RuntimeError with a remedy."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"needs {wanted} open files, the limit is {hard}: run as root, or ulimit -n"
        ) from error
