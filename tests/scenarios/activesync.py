"""What a phone's owner, a thief and an administrator do with ActiveSync: written once, played on one machine and on two."""

from __future__ import annotations

import re
import time

from tests.scenarios.site import Site

CUT_SECONDS = 0.5
"""A block is promised "well under a second"; the machine that tests may be busy."""


def sign_in_by_basic(site: Site) -> None:
    """A fresh password opens the mailbox on the first device; a wrong one does not, and tells nothing."""
    person = site.enrol()
    with site.client() as client:
        wrong = client.ask(person.login, "wrong-horse", "PHONE1")
        assert wrong.status == 401
        assert 'Basic realm="Handfast"' in wrong.headers["WWW-Authenticate"]
        assert site.reached(person) == 0
        for _ in range(3):
            assert client.ask(person.login, person.password, "PHONE1").status == 200
        assert client.ask(f"{person.user}@contoso.lab", person.password, "PHONE1").status == 200
    reached = site.exchange.requests(user=person.user)
    assert [(line["device_id"], line["command"]) for line in reached] == [("PHONE1", "FolderSync")] * 4
    assert {line["authorization_scheme"] for line in reached} == {""}


def sign_in_by_ntlm(site: Site) -> None:
    """curl signs in by NTLM, on a connection of its own; the wrong password does not."""
    person = site.enrol(ntlm=True)
    right = site.curl("--ntlm", "-u", f"{person.login}:{person.password}", "-X", "OPTIONS")
    statuses = re.findall(r"^HTTP/1\.1 (\d+)", right.stdout, re.MULTILINE)
    assert statuses == ["401", "200"], right.stdout + right.stderr
    assert "MS-ASProtocolVersions:" in right.stdout
    assert site.reached(person) == 1
    wrong = site.curl("--ntlm", "-u", f"{person.login}:wrong-horse", "-X", "OPTIONS")
    assert set(re.findall(r"^HTTP/1\.1 (\d+)", wrong.stdout, re.MULTILINE)) == {"401"}
    assert site.reached(person) == 1


def second_device_is_refused(site: Site) -> None:
    """The password of the first device is worthless on a second one; the first goes on, and the administrator sees why."""
    person = site.enrol()
    assert site.ask(person, "MINE1").status == 200
    stolen = site.ask(person, "THIEF1")
    assert stolen.status == 403
    assert site.ask(person, "MINE1").status == 200
    assert {line["device_id"] for line in site.exchange.requests(user=person.user)} == {"MINE1"}
    assert [row["device_id"] for row in site.identity.cli("device", "list", person.user)] == ["MINE1"]
    said = site.identity.run("explain", stolen.headers["X-Request-Id"])
    assert said.returncode == 0, said.stderr
    assert "MINE1" in said.stdout or "another device" in said.stdout


def block_cuts_what_is_in_flight(site: Site) -> None:
    """A block ends the hanging Ping at once, the next request is refused, and unblocking lets the phone in again."""
    person = site.enrol()
    assert site.ask(person, "LOST1").status == 200
    done_at = 0.0

    def block() -> None:
        nonlocal done_at
        site.identity.cli("device", "block", person.user, "LOST1")
        done_at = time.monotonic()

    answer = site.while_hanging(person, "LOST1", block)
    assert answer.status == 403
    assert answer.at - done_at < CUT_SECONDS
    reached = site.reached(person)
    assert site.ask(person, "LOST1").status == 403
    assert site.reached(person) == reached
    site.identity.cli("device", "unblock", person.user, "LOST1")
    assert site.ask(person, "LOST1").status == 200


def revoked_password_cuts_what_is_in_flight(site: Site) -> None:
    """A lost password: revoked, its requests are cut, and it is worthless; a new one pairs anew."""
    person = site.enrol()
    assert site.ask(person, "OLD1").status == 200
    done_at = 0.0

    def revoke() -> None:
        nonlocal done_at
        [password] = site.identity.cli("app-password", "list", person.user)
        site.identity.cli("app-password", "revoke", person.user, str(password["id"]))
        done_at = time.monotonic()

    answer = site.while_hanging(person, "OLD1", revoke)
    assert answer.status in (401, 403)
    assert answer.at - done_at < CUT_SECONDS
    assert site.ask(person, "OLD1").status == 401
    person.password = site.identity.issue(person.user)
    assert site.ask(person, "OLD1").status == 200


def disabled_account_is_out_at_once(site: Site) -> None:
    """An employee leaves: in flight and from now on."""
    person = site.enrol()
    assert site.ask(person, "GONE1").status == 200
    done_at = 0.0

    def disable() -> None:
        nonlocal done_at
        site.identity.cli("account", "disable", person.user)
        done_at = time.monotonic()

    answer = site.while_hanging(person, "GONE1", disable)
    assert answer.status in (401, 403)
    assert answer.at - done_at < CUT_SECONDS
    reached = site.reached(person)
    assert site.ask(person, "GONE1").status in (401, 403)
    assert site.reached(person) == reached


def mail_ends_the_ping(site: Site) -> None:
    """A long poll hangs and answers when mail comes."""
    person = site.enrol()
    assert site.ask(person, "PHONE2").status == 200
    answer = site.while_hanging(person, "PHONE2", lambda: site.exchange.deliver(person.user, "Hello"))
    assert answer.status == 200
    assert answer.body


SCENARIOS = (
    sign_in_by_basic,
    sign_in_by_ntlm,
    second_device_is_refused,
    block_cuts_what_is_in_flight,
    revoked_password_cuts_what_is_in_flight,
    disabled_account_is_out_at_once,
    mail_ends_the_ping,
)
