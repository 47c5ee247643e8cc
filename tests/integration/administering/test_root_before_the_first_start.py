"""Root looks and adds accounts before the service, which is not root's, has ever run: the service then opens what was made."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.installation import prepare
from tests.servers.processes import as_user, python_for, server_directory

USER = "daemon"
"""A user with a group of the same name, on every Debian."""


@pytest.mark.needs("setpriv", "unshare")
@pytest.mark.parametrize("command", [("doctor",), ("account", "add", "alice"), ("audit", "verify")])
def test_the_service_starts_with_what_root_made(command):
    if os.geteuid() != 0:
        pytest.skip("needs root: whose files they are")
    with server_directory("first") as folder:
        site = prepare(folder, backend="http://127.0.0.1:9", workers=1)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, USER, USER)
        site.words = python_for(USER)
        site.run(*command)
        assert {path.owner() for path in folder.glob("handfast.db*")} == {USER}
        site.words = (*python_for(USER), *as_user(USER))
        site.start()
        try:
            assert len(site.cli("account", "list")) == (command[0] == "account")
        finally:
            site.stop()
