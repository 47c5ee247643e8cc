"""`handfast kerberos check` as it is really run: by root, over files of identity's user; or by that user."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.apache_gssapi import KerberosSite, kerberos_site
from tests.servers.processes import as_user, python_for, server_directory
from tests.servers.samba import NEEDS, REALM, DomainController

pytestmark = [NEEDS, pytest.mark.needs("setpriv", "unshare")]

SPN = "HTTP/fe.contoso.lab"
NAMED, NAMELESS, STRANGER = "daemon", "12345", "54321"
"""A user with a group of the same name, on every Debian; and two that no machine has a name for."""


@dataclass
class Machine:
    """Identity's files in a folder that anybody may enter; `user` owns what is secret."""

    folder: Path
    user: str

    @property
    def keytab(self) -> Path:
        return self.folder / "hand fast.keytab"

    @property
    def who(self) -> str:
        return f"daemon (uid {uid(NAMED)})" if self.user == NAMED else f"uid {self.user}"

    def check(self, *words: str, by: str = "root") -> subprocess.CompletedProcess[str]:
        before = () if by == "root" else as_user(by)
        command = [sys.executable, "-m", "handfast", "kerberos", "check"]
        settings = ("--settings", str(self.folder / "handfast.toml"))
        # A folder that the user may enter: Python puts it on its path.
        return subprocess.run(
            [*python_for(self.user), *before, *command, *settings, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "200"},
        )

    def found(self, by: str = "root") -> dict[str, dict[str, str]]:
        done = self.check("--json", by=by)
        assert done.stdout, done.stderr
        # This machine's resolver knows nothing of contoso.lab.
        return {one["id"]: one for one in json.loads(done.stdout) if one["id"] != "name-elsewhere"}


def uid(user: str) -> int:
    return pwd.getpwnam(user).pw_uid if user == NAMED else int(user)


@pytest.fixture(scope="module")
def site(dc: DomainController) -> Iterator[KerberosSite]:
    with kerberos_site(dc.keytab("fe")) as site:
        yield site


@pytest.fixture(params=[NAMED, NAMELESS])
def machine(request, dc: DomainController, site: KerberosSite) -> Iterator[Machine]:
    with server_directory("identity") as folder:
        machine = Machine(folder, request.param)
        shutil.copy(dc.ca_file, folder / "ca.pem")
        (folder / "ca.pem").chmod(0o644)
        shutil.copy(dc.password_file(), folder / "password")
        shutil.copy(dc.keytab("gw"), machine.keytab)
        (folder / "handfast.key").touch()
        (folder / "handfast.toml").write_text(
            dc.settings(ca_file=str(folder / "ca.pem"), bind_password_file=str(folder / "password"))
            + f"""
[identity]
database = "sqlite:///{folder}/handfast.db"
key_file = "{folder}/handfast.key"
runtime_dir = "{folder}"

[kerberos]
keytab = "{machine.keytab}"
principal = "svc-gw@{REALM}"
kdcs = ["{dc.address}"]

[[listener]]
name = "outside"
address = "127.0.0.1:0"

[[publication]]
name = "mail"
hosts = ["mail.example.com"]

[publication.backend]
urls = ["{site.url}"]
auth = "kerberos"
spn = "{SPN}"
"""
        )
        for name in ("password", machine.keytab.name, "handfast.key"):
            (folder / name).chmod(0o600)
            os.chown(folder / name, uid(machine.user), uid(machine.user))
        yield machine


def test_a_keytab_of_identitys_user_is_as_it_should_be(machine):
    assert machine.found() == machine.found(by=machine.user) == {}


def test_the_trial_and_the_page(machine):
    page = machine.folder / "report.html"
    done = machine.check("--user", "alice", "--html", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ticket for {SPN}: obtained" in done.stdout
    assert "HTTP 200" in done.stdout
    assert page.stat().st_uid == 0, "written by root, who may write where identity's user may not"
    assert f"{machine.keytab}: " in page.read_text()
    assert "keytab-unusable" not in page.read_text()
    done = machine.check("--user", "alice", by=machine.user)
    assert (done.returncode, f"ticket for {SPN}: obtained" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("owner", ["0", STRANGER])
def test_another_users_keytab_is_refused_until_it_is_identitys(machine, owner):
    os.chown(machine.keytab, int(owner), int(owner))
    unusable = machine.found()["keytab-unusable"]["what"]
    assert f"Make {machine.who} its owner" in unusable
    mend(unusable)
    assert machine.keytab.stat().st_uid == uid(machine.user)
    assert machine.found() == {}


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_keytab_that_others_may_read_is_refused_until_they_may_not(machine, mode):
    machine.keytab.chmod(mode)
    unusable = machine.found()["keytab-unusable"]["what"]
    assert f"mode {mode:04o}" in unusable
    mend(unusable)
    assert machine.found() == {}


def test_a_folder_that_identitys_user_may_not_enter(machine):
    closed = machine.folder / "closed"
    closed.mkdir(0o700)
    settings = machine.folder / "handfast.toml"
    settings.write_text(settings.read_text().replace(str(machine.keytab), str(closed / machine.keytab.name)))
    machine.keytab.rename(closed / machine.keytab.name)
    unusable = machine.found()["keytab-unusable"]["what"]
    assert "let that user enter the folders above it" in unusable
    closed.chmod(0o711)
    assert machine.found() == {}


def test_a_third_user_is_told_who_may(machine):
    done = machine.check(by=STRANGER)
    assert done.returncode == 1
    assert f"only root and identity's user, {machine.who}," in done.stderr
    assert "run it as root, or as that user" in done.stderr


def mend(said: str) -> None:
    """Types the one command that stands in it, as root."""
    (command,) = re.findall(r"`((?:chown|chmod) .*?)`", said)
    subprocess.run(["sh", "-c", command], check=True)
