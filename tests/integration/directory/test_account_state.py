"""What the domain does to an account takes effect here within the poll time: on the next request, and on what hangs."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handfast.protocols.ntlm.filetime import filetime_from_datetime
from tests.installation import HOST, Installation, installation
from tests.lab_server import LabServer, lab_server
from tests.scenarios.client import Client, Door
from tests.servers.processes import wait_until
from tests.servers.samba import BASE, NEEDS, DomainController
from tests.servers.samba_domain import PASSWORD

pytestmark = NEEDS

POLL_SECONDS = 1.0
SOON = 15.0
"""A poll, a command or two that look, and what a busy machine adds; less than the 20 s that a client waits."""
"""Seconds in which a change must count: the poll time, a reading on two busy cores, and some grace."""
PEOPLE = 20
ELSEWHERE = f"OU=Elsewhere,{BASE}"
ACCESS = """
[[access]]
name = "no-banned"
allow = false
publications = ["mail"]
groups = ["CONTOSO\\\\Banned"]

[[access]]
name = "everybody"
publications = ["mail"]
"""


@dataclass
class Place:
    """An installation whose accounts are a real domain's; those below `CN=Users` are mirrored."""

    dc: DomainController
    server: LabServer
    site: Installation
    unused: list[str]
    """Accounts that no test has had yet."""

    @property
    def door(self) -> Door:
        return Door(self.site.address, self.site.port, HOST, self.site.ca_file)

    def shown(self, name: str) -> dict[str, Any]:
        """`account show` as JSON; empty where there is none of that name."""
        done = self.site.run("account", "show", name, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def wait_for(self, name: str, state: str) -> dict[str, Any]:
        """The account, once the mirror has it in that state."""
        wait_until(lambda: self.shown(name).get("directory_state") == state, f"{name} is {state}", 20)
        return self.shown(name)


@dataclass
class Person:
    """Somebody in the domain with a phone that is paired."""

    place: Place
    name: str
    password: str = ""

    @property
    def dn(self) -> str:
        return f"CN={self.name},CN=Users,{BASE}"

    def change(self, *arguments: str) -> None:
        self.place.dc.samba_tool(*arguments)

    def status(self, name: str = "", device: str = "PHONE1") -> int:
        with Client(self.place.door) as client:
            return client.ask(name or f"CONTOSO\\{self.name}", self.password, device).status

    def was_told(self, reason: str) -> None:
        """Waits for the record: it follows its answer by a moment."""
        self.place.site.wait_for_log_line(f'CONTOSO\\\\{self.name}"', f"reason={reason} ")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with DomainController() as dc, lab_server() as server:
        dc.samba_tool("ou", "create", ELSEWHERE)
        dc.samba_tool("group", "add", "Banned")
        people = [f"person{number}" for number in range(PEOPLE)]
        dc.add_users(*people)
        more = dc.settings(poll_seconds=POLL_SECONDS, base=f"CN=Users,{BASE}") + ACCESS
        with installation(backend=server.url, workers=1, more=more) as site:
            running = Place(dc, server, site, people)
            running.wait_for(people[-1], "good")
            yield running


@pytest.fixture
def person(place: Place) -> Person:
    one = Person(place, place.unused.pop())
    one.password = place.site.issue(one.name)
    assert one.status() == 200
    return one


def lock(person: Person) -> None:
    person.place.dc.set_values(person.dn, lockoutTime=filetime_from_datetime(datetime.now(UTC)))


def expire(person: Person) -> None:
    person.place.dc.set_values(
        person.dn, accountExpires=filetime_from_datetime(datetime.now(UTC) - timedelta(days=1))
    )


def must_change(person: Person) -> None:
    person.place.dc.set_values(person.dn, pwdLastSet=0)


CHANGES: dict[str, tuple[Callable[[Person], None], str]] = {
    "disabled": (lambda p: p.change("user", "disable", p.name), "account-disabled-in-directory"),
    "locked": (lock, "account-locked-in-directory"),
    "expired": (expire, "account-expired"),
    "must change": (must_change, "domain-password-expired"),
    "deleted": (lambda p: p.change("user", "delete", p.name), "account-gone"),
    "moved": (lambda p: p.change("user", "move", p.name, ELSEWHERE), "account-gone"),
    "banned": (lambda p: p.change("group", "addmembers", "Banned", p.name), "access-refused"),
}


@contextlib.contextmanager
def a_ping_that_is_cut(person: Person, within_seconds: float = SOON) -> Iterator[None]:
    """The phone's Ping hangs before the block and is cut soon after it."""
    wait_until(lambda: person.place.server.hanging == 0, "nothing hangs")
    with Client(person.place.door) as client:
        client.send(f"CONTOSO\\{person.name}", person.password, "PHONE1", "Ping")
        wait_until(lambda: person.place.server.hanging == 1, "the Ping hangs")
        yield
        changed = time.monotonic()
        try:
            assert client.answer().status != 200
        except TimeoutError:
            pytest.fail("nobody cuts the Ping")
        except (OSError, http.client.HTTPException):
            pass  # cut before its answer
        assert time.monotonic() - changed < within_seconds


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_the_domain_cuts_what_hangs_and_refuses_what_comes(person: Person, change: str) -> None:
    apply, reason = CHANGES[change]
    with a_ping_that_is_cut(person):
        apply(person)
    assert person.status() == 403
    person.was_told(reason)


def test_an_end_that_comes_by_itself_cuts_as_well(person: Person) -> None:
    """Nothing happens in the directory when the time is over."""
    end = datetime.now(UTC) + timedelta(seconds=10)
    person.place.dc.set_values(person.dn, accountExpires=filetime_from_datetime(end))
    wait_until(lambda: person.place.shown(person.name)["directory"]["expires_at"], "the end is known", SOON)
    with a_ping_that_is_cut(person, 10 + SOON):
        assert datetime.now(UTC) < end
    assert datetime.now(UTC) >= end
    assert person.status() == 403
    person.was_told("account-expired")


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (lambda p: p.change("user", "disable", p.name), lambda p: p.change("user", "enable", p.name)),
        (lock, lambda p: p.place.dc.set_values(p.dn, lockoutTime=0)),
        (
            lambda p: p.change("user", "move", p.name, ELSEWHERE),
            lambda p: p.change("user", "move", p.name, f"CN=Users,{BASE}"),
        ),
    ],
    ids=["disabled", "locked", "moved"],
)
def test_who_comes_back_has_the_same_phone(person: Person, away, back) -> None:
    away(person)
    wait_until(lambda: person.status() == 403, "refused", SOON)
    back(person)
    wait_until(lambda: person.status() == 200, "let in again", SOON)
    assert [one["device_id"] for one in person.place.shown(person.name)["devices"]] == ["PHONE1"]


def test_a_renamed_account_keeps_its_phone_and_loses_its_old_name(person: Person) -> None:
    new = f"{person.name}-neu"
    person.change("user", "rename", person.name, f"--samaccountname={new}", f"--upn={new}@contoso.lab")
    wait_until(lambda: person.status(f"CONTOSO\\{new}") == 200, "signs in by the new name", SOON)
    assert person.status() == 401
    assert person.status(f"{new}@contoso.lab") == 200
    assert [one["device_id"] for one in person.place.shown(new)["devices"]] == ["PHONE1"]


def test_an_account_made_anew_under_the_name_gets_nothing_of_the_old_one(person: Person) -> None:
    before = person.place.shown(person.name)
    person.change("user", "delete", person.name)
    person.change("user", "create", person.name, PASSWORD)
    wait_until(
        lambda: person.place.shown(person.name).get("sid") not in ("", None, before["sid"]), "anew", SOON
    )
    after = person.place.shown(person.name)
    assert (after["devices"], after["app_passwords"]) == ([], [])
    assert person.status() == 401
    old = person.place.shown(before["sid"])
    assert (old["directory_state"], old["is_named"], len(old["devices"])) == ("gone", False, 1)


def test_whoever_is_given_an_accounts_upn_takes_neither_it_nor_the_account(person: Person) -> None:
    """Controllers that check nothing let whoever may write an account give it any UPN, and two may each hear of it late."""
    place, upn = person.place, f"{person.name}@contoso.lab"
    taker = Person(place, place.unused.pop())

    def has(who: Person, **names: str) -> Callable[[], bool]:
        return lambda: names.items() <= place.shown(f"CONTOSO\\{who.name}").items()

    place.dc.set_values(person.dn, userPrincipalName="")
    wait_until(lambda: place.shown(person.name)["is_upn_made_up"], "no UPN of its own", SOON)
    assert person.status(upn) == 200, "the domain takes it all the same"
    place.dc.force_value(taker.dn, "userPrincipalName", upn)
    wait_until(has(taker, upn=upn), "a UPN of its own leads to who has it", SOON)
    assert has(person, upn="", directory_state="good")()
    assert (person.status(upn), person.status()) == (401, 200)

    place.dc.force_value(person.dn, "userPrincipalName", upn)
    for one in (person, taker):
        wait_until(has(one, upn="", contested_upn=upn, directory_state="good"), "it is nobody's", SOON)
    place.site.wait_for_log_line("directory-contested", upn)
    assert (person.status(upn), person.status()) == (401, 200)

    place.dc.set_values(taker.dn, userPrincipalName="")
    wait_until(lambda: person.status(upn) == 200, "it is its own again", SOON)
    assert [one["device_id"] for one in place.shown(upn)["devices"]] == ["PHONE1"]


def test_a_mail_address_is_a_login(person: Person) -> None:
    assert person.status(f"{person.name}@mail.contoso.lab") == 200


def test_while_the_controller_is_frozen_sign_ins_go_on_by_the_mirror(person: Person) -> None:
    with person.place.dc.frozen():
        person.place.site.wait_for_log_line("directory-unavailable", "mirror_age_seconds=")
        began = time.monotonic()
        assert person.status(device="PHONE1") == 200
        assert time.monotonic() - began < 4, "to ask it would have taken five seconds"
    person.change("user", "disable", person.name)
    wait_until(lambda: person.status() == 403, "the mirror goes on", 30)


def test_what_happened_is_in_the_trail_and_in_the_lists(person: Person) -> None:
    site = person.place.site
    person.change("user", "disable", person.name)
    person.place.wait_for(person.name, "disabled")
    trail = site.cli("audit", "show", "--limit", "200")
    mine = [one for one in trail if one["subject"] == f"{person.name}@contoso.lab"]
    events = [one["event"] for one in mine if one["actor"] == "directory"]
    assert events[0] == "identity:account:mirrored"
    assert events[-1] == "identity:account:changed-in-directory"
    assert mine[-1]["details"]["is_enabled"] == "yes -> no"
    listed = site.run("account", "list").stdout
    assert re.search(rf"^{person.name}\s.* disabled$", listed, re.MULTILINE)
    assert re.search(r"the directory was read \d+ s ago", listed)
    refused = site.run("account", "remove", person.name)
    assert (refused.returncode, "delete it in the directory" in refused.stderr) == (1, True)
