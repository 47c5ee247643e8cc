"""The machine and the versions a run was made with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from benchmarks.peers import find_versions
from benchmarks.results import Machine


def describe_machine() -> Machine:
    """What the page says about where it was measured; no host name, no address."""
    versions = {
        "Handfast": importlib.metadata.version("handfast"),
        "Python": platform.python_version(),
        "uvloop": importlib.metadata.version("uvloop"),
        **find_versions(),
    }
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Machine(
        _processor(),
        os.cpu_count() or 1,
        round(memory, 1),
        platform.release().split("-")[0],
        tuple(versions.items()),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()
