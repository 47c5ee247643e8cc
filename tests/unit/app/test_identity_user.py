"""Who identity's user is, and that root is root again after it was that user."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from handfast.app.identity_user import (
    IdentityUser,
    as_identity_user,
    closed_to_identity,
    find_identity_user,
    refuse_others,
)
from handfast.identity.administration.errors import AdministrationError
from handfast.settings.load import parse_settings
from handfast.settings.model import Settings
from tests.servers.processes import server_directory

NAMELESS = 12345
FILES = ("handfast.db", "run", "handfast.key")


def only_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, which can be another user")


def settings_of(folder: Path, database: str = "sqlite:///{folder}/handfast.db") -> Settings:
    return parse_settings(f"""
[identity]
database = "{database.format(folder=folder)}"
key_file = "{folder}/handfast.key"
runtime_dir = "{folder}/run"
""")[0]


@pytest.fixture
def folder():
    with server_directory("user") as folder:
        yield folder


def make(folder: Path, **owners: int) -> None:
    for name, owner in owners.items():
        file = folder / {"db": "handfast.db", "key": "handfast.key"}.get(name, name)
        file.touch()
        os.chown(file, owner, owner)


def test_without_any_file_nobody_is_known_and_nothing_changes(folder):
    assert find_identity_user(settings_of(folder)) is None
    with as_identity_user(settings_of(folder)):
        assert os.geteuid() == os.getuid()


@pytest.mark.parametrize("database", ["sqlite:///{folder}/handfast.db", "postgresql://handfast@db/handfast"])
def test_the_owner_of_the_files_is_identitys_user(folder, database):
    only_root()
    make(folder, run=NAMELESS, key=NAMELESS)
    found = find_identity_user(settings_of(folder, database))
    assert found == IdentityUser(NAMELESS, NAMELESS, str(NAMELESS))
    assert str(found) == "uid 12345"


def test_a_user_is_called_by_name(folder):
    only_root()
    make(folder, db=1)
    assert str(find_identity_user(settings_of(folder))) == "daemon (uid 1)"


def test_what_was_put_back_by_root_makes_nobody_root(folder):
    only_root()
    make(folder, db=0, run=NAMELESS, key=0)
    assert find_identity_user(settings_of(folder)).uid == NAMELESS
    make(folder, run=0)
    assert find_identity_user(settings_of(folder)).uid == 0


def test_root_is_that_user_and_then_root_again(folder):
    only_root()
    make(folder, db=NAMELESS)
    secret = folder / "root's"
    secret.touch(0o600)
    before = os.geteuid(), os.getegid(), os.getgroups()
    with pytest.raises(PermissionError), as_identity_user(settings_of(folder)):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (NAMELESS, NAMELESS, [NAMELESS])
        secret.read_text()
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before
    assert secret.read_text() == ""


def test_no_thread_makes_another_user_of_all_the_others(folder):
    only_root()
    make(folder, db=NAMELESS)
    seen = []

    def enter() -> None:
        try:
            with as_identity_user(settings_of(folder)):
                seen.append(os.geteuid())
        except RuntimeError:
            seen.append("refused")

    for _ in range(2):
        thread = threading.Thread(target=enter)
        with as_identity_user(settings_of(folder)) if seen else contextlib.nullcontext():
            thread.start()
            thread.join()
    assert seen == ["refused", NAMELESS], "it may, where that is who we are"


def test_nobody_else_is_let_in(folder):
    only_root()
    make(folder, db=NAMELESS)
    settings = settings_of(folder)
    refuse_others(settings)
    os.seteuid(NAMELESS + 1)
    try:
        with pytest.raises(AdministrationError, match="only root and identity's user, uid 12345"):
            refuse_others(settings)
        with as_identity_user(settings):
            assert os.geteuid() == NAMELESS + 1
    finally:
        os.seteuid(0)


def test_what_root_reads_and_identity_does_not(folder):
    only_root()
    make(folder, db=NAMELESS, key=0)
    settings = settings_of(folder)
    settings.identity.key_file.chmod(0o640)
    assert closed_to_identity(settings) == [("identity.key_file", folder / "handfast.key")]
    os.chown(folder / "handfast.key", 0, NAMELESS)
    assert closed_to_identity(settings) == [], "by its group"
    settings.identity.key_file.unlink()
    assert closed_to_identity(settings) == [], "that it is not there is told already"
