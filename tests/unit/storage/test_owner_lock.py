"""One owner of the database at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from handfast.identity.ports import Unavailable
from handfast.storage.owner_lock import OwnerLock


def test_the_second_owner_is_told_who_the_first_is(tmp_path) -> None:
    database = tmp_path / "x.db"
    with OwnerLock(database), pytest.raises(Unavailable, match=f"identity is running .process {os.getpid()}"):
        OwnerLock(database).acquire()
    with OwnerLock(database):
        pass


def test_a_crashed_owner_holds_nothing(tmp_path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from handfast.storage.owner_lock import OwnerLock\n"
        "OwnerLock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.db")], check=False, timeout=30)
    assert done.returncode == -9
    with OwnerLock(tmp_path / "x.db"):
        pass


def test_no_folder_is_unavailable(tmp_path) -> None:
    with pytest.raises(Unavailable, match="can't be opened"):
        OwnerLock(tmp_path / "none" / "x.db").acquire()


def test_releasing_twice_is_harmless(tmp_path) -> None:
    lock = OwnerLock(tmp_path / "x.db")
    lock.acquire()
    lock.release()
    lock.release()
