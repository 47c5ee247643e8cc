"""What keeps a test that measures time from running beside others, in a run of several processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import turns
from tests.servers.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from tests import turns
turns.DOOR, turns.ROOM = Path(sys.argv[1]) / "door", Path(sys.argv[1]) / "room"
print("waits", flush=True)
with turns.turn(alone=sys.argv[2] == "alone"):
    (Path(sys.argv[1]) / sys.argv[3]).touch()
    sys.stdin.read()
"""


class Worker:
    """A process of the run, whose test goes on until `end`."""

    def __init__(self, folder: Path, name: str, kind: str) -> None:
        self._sign = folder / name
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), kind, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"waits\n"

    @property
    def runs(self) -> bool:
        return self._sign.exists()

    @property
    def is_blocked(self) -> bool:
        """Whether it waits for a lock, as the kernel says. Source: proc_locks(5)."""
        waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
        return any(str(self._process.pid) in words for words in waiting)

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture
def worker(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("door", "room"):
        (tmp_path / name).touch()
    made = []

    def start(name: str, kind: str) -> Worker:
        made.append(Worker(tmp_path, name, kind))
        return made[-1]

    yield start
    for one in made:
        one.end()


def test_tests_run_side_by_side_but_never_beside_a_lone_one(worker):
    one, other = worker("one", "shared"), worker("other", "shared")
    wait_until(lambda: one.runs and other.runs, "both run")
    lone = worker("lone", "alone")
    wait_until(lambda: lone.is_blocked, "the lone one waits")
    # Whoever comes now waits behind it: else those that come and go could keep it out for ever.
    late = worker("late", "shared")
    wait_until(lambda: late.is_blocked, "the late one waits")
    one.end()
    assert not lone.runs
    assert not late.runs
    other.end()
    wait_until(lambda: lone.runs, "the lone one has its turn")
    assert not late.runs
    lone.end()
    wait_until(lambda: late.runs, "the late one has its turn")


def test_a_run_of_one_process_takes_no_lock(monkeypatch, tmp_path):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setattr(turns, "DOOR", tmp_path / "missing")
    with turns.turn(alone=True):
        pass
