"""`handfast directory check`, `show` and `init`, against the real domain."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, installation, prepare
from tests.integration.directory.policies import let_read, make_policy
from tests.servers.authority import Authority
from tests.servers.processes import server_directory, wait_until
from tests.servers.samba import BASE, NEEDS, DomainController
from tests.servers.samba_domain import service_password

pytestmark = NEEDS
READER = "svc-read@contoso.lab"


@pytest.fixture
def site() -> Iterator[Callable[..., Installation]]:
    """Settings and keys of an installation that nobody starts; with the directory of controllers, if any."""
    with server_directory("handfast") as folder:

        def prepared(*dcs: DomainController, **more: object) -> Installation:
            section = dcs[0].settings(*dcs[1:], timeout_seconds=2.0, **more) if dcs else ""
            return prepare(folder, backend="http://127.0.0.1:9", more=section)

        yield prepared


def init(
    site: Installation, dc: DomainController, *options: str, password: str = ""
) -> subprocess.CompletedProcess[str]:
    words = ("--server", f"{dc.name}={dc.address}", "--ca-file", str(dc.ca_file), "--bind-user", READER)
    secret = (password or service_password("svc-read")) + "\n"
    return site.run("directory", "init", *words, "--yes", "--password-file", "-", *options, stdin=secret)


def test_check_shows_every_controller_and_finds_nothing(shared_dc, site):
    done = site(shared_dc).run("directory", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dc1.contoso.lab  ok" in done.stdout
    assert "CONTOSO (contoso.lab)" in done.stdout
    assert "after 5 wrong passwords within 0:30:00, for 0:30:00" in done.stdout
    assert "no findings" in done.stdout
    assert "PS> dsacls 'CN=Deleted Objects,DC=contoso,DC=lab' /g 'svc-read@contoso.lab:LCRP'" in done.stdout


def test_check_says_whether_deleted_accounts_are_shown(fresh_dc, site):
    settings = site(fresh_dc)
    for is_shown in (False, True):
        (controller,) = json.loads(settings.run("directory", "check", "--json").stdout)["controllers"]
        assert controller["sees_deleted"] is is_shown
        fresh_dc.show_deleted_to("svc-read")
    assert "deleted  accounts are seen with the next poll" in settings.run("directory", "check").stdout


def test_check_shows_fine_grained_policies_and_how_they_come_to_be_read(fresh_dc, site):
    make_policy(fresh_dc, "strict", 10, 3, "alice")
    settings = site(fresh_dc)
    settings.write_settings(listener="inside = true", publication='domain_password_listeners = ["outside"]')
    (hidden,) = json.loads(settings.run("directory", "check", "--json").stdout)["findings"]
    assert (hidden["severity"], hidden["id"]) == ("warning", "domain-lockout-unknown")
    assert "for accounts under one no domain password is tried" in hidden["what"]
    assert "dsacls" in hidden["remedy"]
    let_read(fresh_dc)
    done = settings.run("directory", "check")
    assert "no findings" in done.stdout, done.stdout + done.stderr
    assert "after 3 wrong passwords within 0:30:00, for 0:30:00, by CN=strict," in done.stdout
    settings.write_settings(more=fresh_dc.settings(lockout_margin=3))
    done = settings.run("directory", "check")
    assert "the policy strict locks after 3 wrong passwords" in done.stdout


def test_check_names_what_is_wrong_with_each(fresh_dc, site):
    with DomainController("dc2.contoso.lab", authority=fresh_dc.authority) as second:
        second.set_certificate("dc2.contoso.lab", authority=Authority.new("Another CA"))
        second.restart()
        settings = site(fresh_dc, second)
        fresh_dc.stop()
        done = settings.run("directory", "check", "--json")
        assert done.returncode == 1, done.stderr
        findings = {one["controller"]: one for one in json.loads(done.stdout)["findings"]}
        assert "can't be reached" in findings["dc1.contoso.lab"]["what"]
        assert "TCP 636" in findings["dc1.contoso.lab"]["remedy"]
        assert "not to be trusted" in findings["dc2.contoso.lab"]["what"]
        assert "ca_file" in findings["dc2.contoso.lab"]["remedy"]


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        (
            lambda dc: dc.set_certificate("dc9.contoso.lab"),
            "not to be trusted",
            "the name that is in its certificate",
        ),
        (
            lambda dc: dc.set_certificate("dc1.contoso.lab", days=-0.5),
            "expired",
            "renew the controller's certificate",
        ),
        (lambda dc: dc.set_certificate("dc1.contoso.lab", days=5), "its certificate ends", "renew it"),
        (
            lambda dc: dc.set_user("svc-read", userAccountControl=0x202),
            "the account is disabled",
            "`bind_user`",
        ),
        (lambda dc: dc.freeze(), "no answer within 2 s", "TCP 636"),
    ],
)
def test_each_finding_has_its_remedy(fresh_dc, site, change, what, remedy):
    change(fresh_dc)
    if not what.startswith("no answer"):
        fresh_dc.restart()
    done = site(fresh_dc).run("directory", "check")
    assert what in done.stdout, done.stdout + done.stderr
    assert remedy in done.stdout
    assert done.returncode == (0 if "ends" in what else 1)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"base": f"OU=Nowhere,{BASE}"}, "there is no OU=Nowhere"),
        ({"account_filter": "(mail=nobody)"}, "no account fits (mail=nobody)"),
    ],
)
def test_a_base_without_accounts_is_found(shared_dc, site, more, what):
    done = site(shared_dc, **more).run("directory", "check")
    assert done.returncode == 1
    assert what in done.stdout


def test_check_without_a_directory_says_how_to_have_one(site):
    done = site().run("directory", "check")
    assert done.returncode == 2
    assert "handfast directory init" in done.stderr


def test_show_says_what_the_directory_says(shared_dc, site):
    settings = site(shared_dc)
    done = settings.run("directory", "show", "alice@contoso.com", "--json")
    shown = json.loads(done.stdout)
    assert (shown["user"], shown["upn"], shown["enabled"]) == ("CONTOSO\\alice", "alice@contoso.lab", True)
    assert {"CONTOSO\\Sales", "BUILTIN\\Users"} < {one["group"] for one in shown["groups"]}
    text = settings.run("directory", "show", "frank").stdout
    assert "must be changed now" in text
    assert settings.run("directory", "show", "nobody").returncode == 4


def test_show_while_nobody_answers(fresh_dc, site):
    settings = site(fresh_dc)
    fresh_dc.stop()
    done = settings.run("directory", "show", "alice")
    assert done.returncode == 3
    assert "dc1.contoso.lab: can't be reached" in done.stderr


def test_init_writes_what_works_and_twice_is_once(shared_dc, site):
    settings = site()
    before = settings.settings.read_text()
    done = init(settings, shared_dc)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "New-ADUser -Name 'svc-read' -SamAccountName 'svc-read'" in done.stdout
    assert "samba-tool user create svc-read" in done.stdout
    assert settings.settings.read_text().startswith(before.rstrip())
    password = settings.folder / "directory.password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert service_password("svc-read") not in done.stdout + done.stderr + settings.settings.read_text()
    assert settings.run("directory", "check").returncode == 0

    written = settings.settings.read_bytes(), password.stat().st_mtime_ns
    again = init(settings, shared_dc)
    assert again.returncode == 0, again.stderr
    assert f"kept {password}" in again.stdout
    assert (settings.settings.read_bytes(), password.stat().st_mtime_ns) == written
    assert [one.name for one in Path(settings.folder).glob(".*.new")] == []


@pytest.mark.parametrize(
    ("options", "password", "what"),
    [
        ((), "wrong", "the user name or password is wrong"),
        (("--base", f"OU=Nowhere,{BASE}"), "", "there is no OU=Nowhere"),
        (("--server", "dc9.contoso.lab=127.0.0.1"), "", "dc9.contoso.lab"),
    ],
)
def test_init_writes_nothing_that_does_not_work(fresh_dc, site, options, password, what):
    settings = site()
    before = settings.settings.read_bytes()
    done = init(settings, fresh_dc, *options, password=password)
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert what in done.stderr
    assert settings.settings.read_bytes() == before
    assert not (settings.folder / "directory.password").exists()


def test_init_replaces_a_section_only_when_told(shared_dc, site):
    settings = site(shared_dc, base=f"CN=Users,{BASE}")
    before = settings.settings.read_bytes()
    refused = init(settings, shared_dc)
    assert refused.returncode == 1
    assert "another [directory] already" in refused.stderr
    assert settings.settings.read_bytes() == before
    done = init(settings, shared_dc, "--force")
    assert done.returncode == 0, done.stderr
    section = tomllib.loads(settings.settings.read_text())["directory"]
    assert "base" not in section
    assert [one["name"] for one in section["server"]] == ["dc1.contoso.lab"]


def test_check_tells_how_old_the_mirror_is(fresh_dc):
    """While identity runs: seconds; once it has read nothing for some polls: a warning."""
    section = fresh_dc.settings(timeout_seconds=1.0)
    with installation(backend="http://127.0.0.1:9", more=section) as running:

        def checked() -> dict[str, Any]:
            return json.loads(running.run("directory", "check", "--json").stdout)

        wait_until(lambda: checked()["mirror_age_seconds"] is not None, "identity has read the directory", 20)
        assert checked()["mirror_age_seconds"] < 10
        assert [one for one in checked()["findings"] if not one["controller"]] == []
        with fresh_dc.frozen():
            wait_until(lambda: (checked()["mirror_age_seconds"] or 0) > 5, "the mirror grows old", 30)
            (finding,) = [one for one in checked()["findings"] if not one["controller"]]
            assert finding["severity"] == "warning"
            assert "it is believed for 3600 s" in finding["what"]
