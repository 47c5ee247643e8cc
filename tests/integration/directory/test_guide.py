"""docs/active-directory.md, walked through: its own lines and settings in a domain where nobody prepared anything.

Changed are only what another place makes different: paths, addresses and passwords.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sqlite3
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handfast.settings.model import Settings
from tests.door import Answer, ask
from tests.installation import HANDFAST, Installation, prepare
from tests.integration.load.echo_backend import echo_backend
from tests.servers.apache_gssapi import kerberos_door
from tests.servers.kdc_relay import AS_REQ, TGS_REQ, KdcRelay
from tests.servers.processes import server_directory, wait_until
from tests.servers.samba import NEEDS, DomainController
from tests.servers.samba_domain import PASSWORD

pytestmark = [NEEDS, pytest.mark.needs("apache2")]

PAGE = Path(__file__).parents[3] / "docs" / "active-directory.md"
SERVICE_PASSWORD = "Of-4-service"
NOT_HERE = {"name-elsewhere"}
"""This machine's resolver knows nothing of contoso.lab."""


def blocks(kind: str) -> list[str]:
    """The page's code of one kind, in its order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def settings_of(word: str) -> str:
    """The page's one block of settings that has the word."""
    (found,) = (block for block in blocks("toml") if word in block)
    return found


@dataclass
class Domain:
    """A domain after the administrator typed what the page says, and a place for what came of it."""

    dc: DomainController
    folder: Path

    def type(self, line: str) -> None:
        """One line, on the domain controller."""
        conf = f"-s {self.dc.home}/etc/smb.conf"
        if line.startswith("samba-tool"):
            line += f" {conf}" if " exportkeytab " in line else f" -H {self.dc.database} {conf}"
        line = re.sub(r"(user create \S+)", rf"\1 {SERVICE_PASSWORD}", line)
        line = line.replace("/var/lib/samba/private/sam.ldb", self.dc.database)
        subprocess.run(["bash", "-ec", line], check=True, capture_output=True, cwd=self.folder)

    @property
    def keytab(self) -> Path:
        return self.folder / "handfast.keytab"

    def set_service_password(self, password: str) -> None:
        self.dc.samba_tool("user", "setpassword", "svc-handfast", f"--newpassword={password}")

    def export_keytab(self) -> None:
        """As the page says, in place of the one before."""
        made = self.folder / "new.keytab"
        self.dc.export_keytab(made, "svc-handfast")
        made.chmod(0o600)
        made.replace(self.keytab)


@pytest.fixture(scope="module")
def domain() -> Iterator[Domain]:
    with DomainController() as dc, server_directory("guide") as folder:
        for account, spn in (("svc-gw", "HTTP/gateway.contoso.lab"), ("svc-ex", "HTTP/mail.contoso.lab")):
            dc.samba_tool("spn", "delete", spn, account)
        one = Domain(dc, folder)
        for line in "".join(blocks("console")).splitlines():
            one.type(line.removeprefix("# "))
        one.keytab.chmod(0o600)
        dc.samba_tool("group", "add", "Mobile Users")  # alice is in it through Berlin alone
        dc.samba_tool("group", "addmembers", "Mobile Users", "grace,back,Berlin")
        yield one


@pytest.fixture(scope="module")
def relay(domain: Domain) -> Iterator[KdcRelay]:
    with KdcRelay(domain.dc.address) as relay:
        yield relay


def written(domain: Domain, relay: KdcRelay) -> tuple[str, dict[str, Any]]:
    """The page's sections as they go into our settings; and what it says of the back end."""
    password = domain.folder / "directory.password"
    password.touch(0o600)
    password.write_text(SERVICE_PASSWORD + "\n")
    directory = settings_of("[directory]")
    # Here is but one controller.
    directory = directory.replace("/etc/handfast/directory.password", str(password))
    directory = directory.replace("/etc/handfast/contoso-ca.pem", str(domain.dc.ca_file))
    directory = (
        directory.partition('\n[[directory.server]]\nname = "dc2')[0] + f'address = "{domain.dc.address}"\n'
    )
    directory = directory.replace("[directory]\n", "[directory]\npoll_seconds = 1\ntimeout_seconds = 3\n")
    kerberos = tomllib.loads(settings_of("[kerberos]"))
    ours = {**kerberos["kerberos"], "keytab": str(domain.keytab), "kdcs": [relay.address]}
    section = "[kerberos]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in ours.items())
    return "\n".join((directory, section, settings_of("[[access]]"))), kerberos["publication"]["backend"]


@pytest.fixture(scope="module")
def site(domain: Domain, relay: KdcRelay) -> Iterator[Installation]:
    sections, backend = written(domain, relay)
    servers = domain.folder / "servers.keytab"
    domain.dc.export_keytab(servers, "svc-exchange")
    with (
        server_directory("handfast") as home,
        echo_backend(home) as url,
        kerberos_door(servers, url) as door,
    ):
        one = prepare(
            home,
            backend=door.url,
            inside="",
            backend_auth=backend["auth"],
            backend_options=f'spn = "{backend["spn"]}"\nticket_per = "request"',
            auth='["basic"]',
        )
        one.write_settings(more=sections, publication=settings_of("domain_password_listeners"))
        try:
            one.start()
            one.wait_for_account("alice")
            yield one
        finally:
            one.stop()


def sign_in(site: Installation, user: str, password: str) -> Answer:
    return ask(site, f"CONTOSO\\{user}", password, device=f"{user}1")


def commands(program: str) -> list[list[str]]:
    """The arguments of each line of the page that begins with `program`."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [
        shlex.split(line.removeprefix(program), comments=True) for line in lines if line.startswith(program)
    ]


def test_what_init_writes_is_what_the_page_goes_on_with(tmp_path: Path) -> None:
    (words,) = commands("sudo .venv/bin/handfast init")
    done = subprocess.run(
        [HANDFAST, "init", *words, "--root", str(tmp_path), "--yes"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = tomllib.loads((tmp_path / "etc/handfast/handfast.toml").read_text())
    told = tomllib.loads(settings_of("[kerberos]"))
    (ours,), behind = written["publication"], told["publication"]["backend"]
    assert ours["backend"]["urls"][0] in behind["urls"]
    assert all(ours["backend"][key] == behind[key] for key in ("auth", "spn"))
    assert written["kerberos"].items() <= told["kerberos"].items()
    rule = tomllib.loads(settings_of("[[access]]"))["access"][0]
    assert rule["publications"] == [ours["name"]]


def test_the_commands_of_the_page_find_nothing_wrong(site: Installation) -> None:
    ours = commands("handfast ")
    assert [" ".join(words[:2]) for words in ours] == [
        "directory check",
        "directory show",
        "policy check",
        "kerberos check",
        "settings check",
        "doctor",
        "account list",
        "window open",
        "app-password issue",
        "app-password issue",
    ]
    for words in ours:
        done = site.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    checked = json.loads(site.run("directory", "check", "--json").stdout)
    assert checked["findings"] == []
    assert [controller["sees_deleted"] for controller in checked["controllers"]] == [True]
    found = json.loads(site.run(*ours[3], "--json").stdout)
    assert {one["id"] for one in found} <= NOT_HERE, found


def test_the_metric_of_the_page_tells_when_the_mirror_was_complete(site: Installation) -> None:
    (name,) = re.findall(r"`(handfast_\w+)`", PAGE.read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{site.metrics_port}/metrics", timeout=20) as page:
        (value,) = re.findall(rf"^{name}\{{[^}}]*\}} (\S+)$", page.read().decode(), re.MULTILINE)
    assert abs(time.time() - float(value)) < 60


def test_every_setting_that_the_page_names_exists() -> None:
    properties = Settings.model_json_schema(by_alias=True)
    known = {
        f"{section}.{name}"
        for section in ("directory", "kerberos")
        for name in properties["$defs"][f"{section.title()}Settings"]["properties"]
    }
    text = PAGE.read_text()
    named = set(re.findall(r"`((?:directory|kerberos)\.[a-z_]+)`", text))
    assert len(named) >= 4
    assert named <= known
    bare = {"stale_minutes", "refuse_expired_passwords", "accept"}
    assert bare <= {name.partition(".")[2] for name in known}
    for word in bare:
        assert f"`{word}" in text


def test_who_is_in_the_group_gets_in_and_is_somebody_in_windows(site: Installation, domain: Domain) -> None:
    password = site.issue("alice@contoso.lab")
    assert sign_in(site, "alice", password).status == 200
    other = site.issue("erin@contoso.lab")
    assert sign_in(site, "erin", other).status == 403
    assert site.wait_for_log_line("reason=access-refused", "erin")
    assert sign_in(site, "alice", PASSWORD).status == 401, "never outside, by default"


def test_the_clock_is_off(site: Installation, relay: KdcRelay) -> None:
    password = site.issue("grace@contoso.lab")
    relay.errors = {AS_REQ: 37, TGS_REQ: 37}  # KRB_AP_ERR_SKEW
    try:
        assert sign_in(site, "grace", password).status == 503
        assert site.wait_for_log_line("reason=clock-skew")
    finally:
        relay.errors = {}
    wait_until(lambda: sign_in(site, "grace", password).status == 200, "signed in again")


def test_a_new_password_of_the_service_account(site: Installation, domain: Domain) -> None:
    warm, cold = site.issue("alice@contoso.lab"), site.issue("back@contoso.lab")
    assert sign_in(site, "alice", warm).status == 200
    domain.set_service_password("Another-4-service")
    assert sign_in(site, "alice", warm).status == 200, "who has a ticket goes on"
    site.stop()
    site.start()
    assert sign_in(site, "back", cold).status == 503
    assert site.wait_for_log_line("reason=keytab-refused")
    domain.export_keytab()
    wait_until(lambda: sign_in(site, "back", cold).status == 200, "the new keytab is read by itself")


def test_a_reading_that_lacks_too_many_throws_nobody_out(site: Installation) -> None:
    password = site.issue("alice@contoso.lab")
    text = site.values["more"]
    assert len(site.cli("account", "list")) > 21
    try:
        only_bob = '[directory]\naccount_filter = "(sAMAccountName=bob)"\n'
        site.write_settings(more=text.replace("[directory]\n", only_bob))
        site.reload()
        assert site.wait_for_log_line("directory-shrunk", "level=error")
        assert sign_in(site, "alice", password).status == 200
    finally:
        site.write_settings(more=text)
        site.reload()


def test_a_mirror_that_is_too_old_is_not_believed(site: Installation, domain: Domain) -> None:
    password = site.issue("alice@contoso.lab")
    assert sign_in(site, "alice", password).status == 200
    site.stop()
    with domain.dc.frozen():
        grow_old(site.folder / "handfast.db")
        site.start()
        assert sign_in(site, "alice", password).status == 503
        assert site.wait_for_log_line("reason=directory-unavailable", "alice")
    wait_until(lambda: sign_in(site, "alice", password).status == 200, "read again", 40)


def grow_old(database: Path) -> None:
    """As if the last reading, and that of each account, had been an hour and a minute before it was."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for table in ("directory_positions", "accounts"):
            connection.execute(f"UPDATE {table} SET read_at = read_at - ?", (3660 * 1_000_000,))
