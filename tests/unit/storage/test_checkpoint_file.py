"""Checkpoints outside the database: appended, kept through crashes, broken lines told."""

from __future__ import annotations

import stat

import pytest

from handfast.identity.checkpoints import issue_checkpoint
from handfast.identity.ports import Unavailable
from handfast.storage.checkpoint_file import CheckpointFile
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing

ONE, TWO = (issue_checkpoint(FakeKeyRing(), "c", n, b"m" * 32, START) for n in (1, 2))


def test_appended_ones_are_read_in_order(tmp_path) -> None:
    file = CheckpointFile(tmp_path / "checkpoints")
    assert file.read() == ((), ())
    file.append(ONE)
    file.append(TWO)
    assert file.read() == ([ONE, TWO], [])
    assert stat.S_IMODE((tmp_path / "checkpoints").stat().st_mode) == 0o600


def test_a_line_left_unfinished_spoils_no_other(tmp_path) -> None:
    path = tmp_path / "checkpoints"
    file = CheckpointFile(path)
    file.append(ONE)
    path.write_bytes(path.read_bytes() + b'{"chain":"c","sequ')
    file.append(TWO)
    assert file.read() == ([ONE, TWO], [2])


def test_no_folder_and_no_file_are_unavailable(tmp_path) -> None:
    with pytest.raises(Unavailable):
        CheckpointFile(tmp_path / "none" / "x").append(ONE)
    with pytest.raises(Unavailable):
        CheckpointFile(tmp_path).read()


def test_a_full_disk_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        CheckpointFile(__import__("pathlib").Path("/dev/full")).append(ONE)
