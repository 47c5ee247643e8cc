"""Directories of servers: those of a run that was killed are removed by the next, and nobody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers.processes import server_directory

MAKE = """
import os, sys
from tests.servers.processes import server_directory

with server_directory("left") as folder:
    (folder / "data").write_text("x")
    print(folder, flush=True)
    if sys.argv[1] == "killed":
        os._exit(1)
"""
ROOT = Path(__file__).parents[3]


def run(how: str) -> Path:
    """A process that makes a directory; returns which."""
    done = subprocess.run(
        [sys.executable, "-c", MAKE, how], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return Path(done.stdout.strip())


def test_what_a_killed_process_left_is_removed_by_the_next_one_that_makes_a_directory() -> None:
    with server_directory("mine") as mine:
        left = run("killed")
        assert (left / "data").exists()
        assert not run("whole").exists()
        assert (left.exists(), mine.exists()) == (False, True)
