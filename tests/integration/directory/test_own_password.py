"""A wrong password of Handfast's own account, and an identity that is started again and again: the domain hears it once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.installation import Installation, prepare
from tests.servers.processes import server_directory
from tests.servers.samba import NEEDS, DomainController
from tests.servers.samba_domain import LOCKOUT_THRESHOLD, service_password

pytestmark = NEEDS

STARTS = 3


@pytest.fixture
def site(fresh_dc: DomainController) -> Iterator[Installation]:
    with server_directory("handfast") as home:
        site = prepare(home, backend="http://127.0.0.1:1", workers=1)
        site.write_settings(more=fresh_dc.settings())
        try:
            yield site
        finally:
            site.stop()


def test_a_wrong_password_costs_one_failure_however_often_identity_starts(
    fresh_dc: DomainController, site: Installation
) -> None:
    file = fresh_dc.password_file()
    file.write_text("Mistyped-1\n")
    for start in range(1, STARTS + 1):
        site.start()
        assert site.wait_for_log_line("directory-unavailable", "not tried again", count=start)
        site.stop()
    assert fresh_dc.value("svc-read", "badPwdCount") == "1"

    file.write_text(service_password("svc-read") + "\n")
    site.start()
    site.wait_for_account("alice")


def lock(dc: DomainController) -> None:
    """The domain locks the account as it does after wrong passwords of somebody else's."""
    words = ["kinit", "-c", f"FILE:{dc.home}/guesses", "svc-read@CONTOSO.LAB"]
    for _ in range(LOCKOUT_THRESHOLD):
        subprocess.run(words, input=b"Guess-1", env=dc.env, check=False, capture_output=True, timeout=20)
    assert dc.value("svc-read", "lockoutTime") not in ("", "0")


def test_looking_for_what_is_wrong_costs_no_more_failures(
    fresh_dc: DomainController, site: Installation
) -> None:
    fresh_dc.password_file().write_text("Mistyped-1\n")
    keys = f'[kerberos]\nkeytab = "{fresh_dc.keytab("gw")}"\nprincipal = "svc-gw@CONTOSO.LAB"\n'
    site.write_settings(more=f"{fresh_dc.settings()}\n{keys}")
    for command in ("directory check", "directory check", "directory show alice", "kerberos check", "doctor"):
        done = site.run(*command.split())
        assert done.returncode in (1, 3)
        assert command == "directory check" or "not tried again" in done.stdout + done.stderr
    assert fresh_dc.value("svc-read", "badPwdCount") == "1"
    site.start()
    assert site.wait_for_log_line("directory-unavailable", "not tried again")
    assert "not tried again" in site.run("directory", "check").stdout
    assert fresh_dc.value("svc-read", "badPwdCount") == "1"
    assert "directory.bind_user" in site.run("counter", "list").stdout

    fresh_dc.samba_tool("user", "setpassword", "svc-read", "--newpassword=Mistyped-1")
    assert "not tried again" in site.run("directory", "check").stdout
    done = site.run("directory", "check", "--again")
    assert done.returncode == 0, done.stdout + done.stderr
    site.wait_for_account("alice")


def test_a_lock_is_over_for_us_when_it_is_for_the_domain(
    fresh_dc: DomainController, site: Installation
) -> None:
    lock(fresh_dc)
    counted = [fresh_dc.value("svc-read", name) for name in ("badPwdCount", "lockoutTime")]
    site.start()
    assert site.wait_for_log_line("directory-unavailable", "the account is locked", count=3)
    assert [fresh_dc.value("svc-read", name) for name in ("badPwdCount", "lockoutTime")] == counted
    fresh_dc.samba_tool("user", "unlock", "svc-read")
    site.wait_for_account("alice")
