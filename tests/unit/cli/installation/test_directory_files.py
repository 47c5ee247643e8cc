from __future__ import annotations

import os

import pytest

from handfast.cli.installation import directory_files
from handfast.cli.installation.directory_files import write_password, write_settings


def test_the_password_is_for_its_owner_alone(tmp_path):
    file = tmp_path / "password"
    assert write_password(file, "s3cret")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("s3cret\n", 0o600)
    assert not write_password(file, "s3cret")
    file.chmod(0o644)
    assert write_password(file, "s3cret"), "others could read it"
    assert file.stat().st_mode & 0o777 == 0o600
    assert write_password(file, "another")
    assert file.read_text() == "another\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_password_file_of_somebody_else_is_no_password_file_of_identity(tmp_path):
    file = tmp_path / "password"
    write_password(file, "s3cret")
    owner = file.stat().st_uid
    os.chown(file, 12345, 12345)
    assert write_password(file, "s3cret")
    assert file.stat().st_uid == owner
    assert not write_password(file, "s3cret")


def test_settings_keep_their_mode(tmp_path):
    file = tmp_path / "handfast.toml"
    file.write_text("a = 1\n")
    file.chmod(0o640)
    assert write_settings(file, "a = 2\n")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("a = 2\n", 0o640)
    assert not write_settings(file, "a = 2\n")


def test_half_a_file_is_never_seen(tmp_path, monkeypatch):
    file = tmp_path / "handfast.toml"
    file.write_text("a = 1\n")
    monkeypatch.setattr(directory_files.os, "fsync", _full)
    with pytest.raises(OSError, match="disk is full"):
        write_settings(file, "a = 2\n")
    assert file.read_text() == "a = 1\n"


def _full(_descriptor: int) -> None:
    raise OSError(28, "the disk is full")
