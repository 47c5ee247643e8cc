"""What root makes beside the database belongs to whoever owns the folder."""

from __future__ import annotations

import errno
import os
import pwd

import pytest

from handfast.storage.owned_files import not_ours, open_owned

SERVICE = 65534
"""Some user that is not root."""


@pytest.fixture
def given(tmp_path, monkeypatch):
    """As root, in a folder of the service's; what was handed over."""
    if os.geteuid() == 0:
        os.chown(tmp_path, SERVICE, SERVICE)
    handed = []
    monkeypatch.setattr(os, "fchown", lambda _descriptor, uid, gid: handed.append((uid, gid)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return handed


def test_what_is_made_is_handed_over_once(tmp_path, given):
    owner = tmp_path.stat()
    for _ in range(2):
        os.close(open_owned(tmp_path / "x.db", os.O_RDWR))
    assert given == [(owner.st_uid, owner.st_gid)]
    assert (tmp_path / "x.db").stat().st_mode & 0o777 == 0o600


def test_nothing_is_handed_over_through_a_link_or_where_others_write(tmp_path, given):
    (tmp_path / "target").write_text("root's own")
    (tmp_path / "x.db").symlink_to(tmp_path / "target")
    os.close(open_owned(tmp_path / "x.db", os.O_RDWR))
    (tmp_path / "nowhere.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        open_owned(tmp_path / "nowhere.db", os.O_RDWR)
    tmp_path.chmod(0o770)
    os.close(open_owned(tmp_path / "y.db", os.O_RDWR))
    assert given == []


def test_others_than_root_hand_nothing_over(tmp_path, given, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: SERVICE)
    os.close(open_owned(tmp_path / "x.db", os.O_RDWR))
    assert given == []


def test_a_refusal_is_mended_by_whoever_may(tmp_path, monkeypatch):
    denied = PermissionError(errno.EACCES, "Permission denied")
    us = tmp_path.stat().st_uid
    error = not_ours("it can't be opened", tmp_path / "x.db", denied)
    assert str(error) == "it can't be opened: Permission denied"
    assert error.remedy.endswith(f"as root: chown {pwd.getpwuid(us).pw_name} {tmp_path / 'x.db'}")
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    assert "run this as root" in not_ours("", tmp_path / "x.db", denied).remedy
    assert "run this as root" in not_ours("", tmp_path / "none" / "x.db", denied).remedy
    assert not_ours("", tmp_path / "x.db", OSError(errno.ENOSPC, "full")).remedy == ""
