"""What is said where the system does not let us have a socket."""

from __future__ import annotations

import os

import pytest

from handfast.identity_api.unix_socket import SocketRefused, listen_unix

NAMELESS = 2**31 - 7


def test_a_user_and_a_group_without_names_are_told_by_number(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: NAMELESS)
    with pytest.raises(SocketRefused, match=f"its own user {NAMELESS} is not in it") as refused:
        listen_unix(tmp_path / "s", mode=0o660, group=NAMELESS)
    assert refused.value.remedy.startswith(f"usermod --append --groups {NAMELESS} {NAMELESS},")
