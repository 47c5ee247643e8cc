"""No other user of the machine can write where a service process writes: what is made in the runtime directory is its own."""

from __future__ import annotations

import os
import pwd
import stat
from types import SimpleNamespace

import pytest

from handfast.app import serving
from handfast.app.serving import CannotServe, prepare_runtime
from handfast.identity_api.unix_socket import listen_unix
from handfast.supervisor.children import _credentials_of


def settings(folder, user: str = ""):
    return SimpleNamespace(
        identity=SimpleNamespace(runtime_dir=folder / "run"), gateway=SimpleNamespace(user=user)
    )


def mode_of(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_metrics_of_one_user_are_that_users(tmp_path):
    assert mode_of(prepare_runtime(settings(tmp_path))) == 0o700


def test_the_metrics_of_two_users_are_their_groups_and_nobody_elses(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(serving.os, "chown", lambda path, user, group: given.append((path, user, group)))
    folder = prepare_runtime(settings(tmp_path, "nobody"))
    assert mode_of(folder) == 0o1770
    assert given == [(folder, -1, pwd.getpwnam("nobody").pw_gid)]


def test_a_user_that_does_not_exist_is_said_so(tmp_path):
    with pytest.raises(CannotServe):
        prepare_runtime(settings(tmp_path, "no-such-user"))


def test_what_a_worker_writes_its_group_may_read_and_others_may_not():
    assert _credentials_of("nobody")["umask"] == 0o027
    assert _credentials_of("") == {}


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_socket_is_never_open_to_others_not_even_for_a_moment(tmp_path, monkeypatch, mode):
    path = tmp_path / "s"
    seen = []
    real = os.chown
    monkeypatch.setattr(os, "chown", lambda *args: (seen.append(mode_of(path)), real(*args)))
    before = os.umask(0)
    try:
        listen_unix(path, mode=mode).close()
    finally:
        os.umask(before)
    assert seen == [0]
    assert mode_of(path) == mode
