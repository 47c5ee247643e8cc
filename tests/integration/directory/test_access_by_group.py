"""Access by group in a real domain: who comes into a group or leaves it, nested as it may be, is let in or cut within a poll."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.installation import installation
from tests.integration.directory.test_account_state import (
    POLL_SECONDS,
    SOON,
    Person,
    Place,
    a_ping_that_is_cut,
)
from tests.lab_server import lab_server
from tests.scenarios.client import Client
from tests.servers.processes import wait_until
from tests.servers.samba import BASE, NEEDS, DomainController
from tests.servers.samba_domain import line

pytestmark = NEEDS

PEOPLE = 10
DOMAIN_USERS = 513
"""RID of the primary group that everybody has (MS-ADTS 6.1.4.3)."""
GROUPS = ("Mail", "Europe", "Berlin-Office", "Leavers", "Leavers-Berlin", "By-Name", "By-Sid", "Primary")
NESTED = {"Mail": "Europe", "Europe": "Berlin-Office", "Leavers": "Leavers-Berlin"}
ACCESS = """
[[access]]
name = "no-leavers"
allow = false
publications = ["mail"]
groups = ["CONTOSO\\\\Leavers"]

[[access]]
name = "mail-users"
publications = ["mail"]
groups = ["contoso\\\\MAIL"]

[[access]]
name = "by-name"
publications = ["mail"]
groups = ["CONTOSO\\\\By-Name"]

[[access]]
name = "by-sid"
publications = ["mail"]
groups = ["{by_sid}"]

[[access]]
name = "primary"
publications = ["mail"]
groups = ["CONTOSO\\\\Primary"]
"""


@dataclass
class Town:
    """A domain with groups in groups, and an installation whose rules name the outer ones."""

    place: Place
    sids: dict[str, str] = field(default_factory=dict)

    def join(self, group: str, member: str) -> None:
        self.place.dc.samba_tool("group", "addmembers", group, member)

    def leave(self, group: str, member: str) -> None:
        self.place.dc.samba_tool("group", "removemembers", group, member)

    def rename(self, group: str, new: str) -> None:
        """Name, distinguished name and logon name, as an administrator renames a group."""
        self.place.dc.samba_tool("group", "rename", group, f"--samaccountname={new}", f"--force-new-cn={new}")


@dataclass
class Member(Person):
    """Somebody with a phone, and what we say of both."""

    def told(self) -> dict[str, Any]:
        """What `policy check` says."""
        told: dict[str, Any] = self.place.site.cli("policy", "check", self.name)
        return told

    def row(self) -> dict[str, Any]:
        """What it says of the one publication on the one listener."""
        (row,) = self.told()["publications"]
        return dict(row)

    def groups(self) -> set[str]:
        return {group["group"] for group in self.told()["groups"]}

    def wait_for_a_reading(self) -> None:
        """One of the directory that began after now."""
        now = datetime.now(UTC)
        wait_until(lambda: datetime.fromisoformat(self.told()["mirror_read_at"]) > now, "it is read", SOON)

    def is_in_by(self, rule: str) -> None:
        """The phone gets in, within a poll, and the rule says why."""
        wait_until(lambda: self.status() == 200, f"{self.name} is let in", SOON)
        row = self.row()
        assert (row["outcome"], row["rule"], row["reason"]) == ("allow", rule, "")

    def is_out_by(self, rule: str) -> None:
        """It does not, and explanation and policy say the same of why."""
        with_id = self.refused()
        told = json.loads(self.place.site.run("explain", with_id, "--json").stdout)
        row = self.row()
        assert (row["outcome"], row["reason"]) == ("deny", told["reason"]) == ("deny", "access-refused")
        assert row["rule"] == told["stages"][-1]["rule"] == rule

    def refused(self) -> str:
        """The id of a refusal that comes at once."""
        with Client(self.place.door) as client:
            answer = client.ask(f"CONTOSO\\{self.name}", self.password, "PHONE1")
        assert answer.status == 403
        return answer.headers["X-Request-Id"]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with DomainController() as dc, lab_server() as server:
        people = [f"citizen{number}" for number in range(PEOPLE)]
        dc.add_users(*people)
        dc.ldbmodify("".join(map(new_group, GROUPS)))
        for outer, inner in NESTED.items():
            dc.ldbmodify(
                line("dn", group_dn(outer))
                + "changetype: modify\nadd: member\n"
                + line("member", group_dn(inner))
                + "\n"
            )
        sids = {name: dc.value(name, "objectSid") for name in GROUPS}
        more = dc.settings(poll_seconds=POLL_SECONDS) + ACCESS.format(by_sid=sids["By-Sid"])
        with installation(backend=server.url, workers=1, more=more) as site:
            place = Place(dc, server, site, people)
            place.wait_for(people[-1], "good")
            yield Town(place, sids)


def group_dn(name: str) -> str:
    return f"CN={name},CN=Users,{BASE}"


def new_group(name: str) -> str:
    """A global security group to add, as LDIF."""
    head = line("dn", group_dn(name)) + "changetype: add\nobjectClass: group\n"
    return head + line("sAMAccountName", name) + line("groupType", -0x7FFFFFFE) + "\n"


def member(town: Town, group: str = "") -> Member:
    """Somebody nobody has had yet, in the group and with a phone."""
    one = Member(town.place, town.place.unused.pop())
    one.password = town.place.site.issue(one.name)
    if group:
        town.join(group, one.name)
    return one


def test_two_deep_within_the_group_is_within_it_until_he_leaves_the_inner_one(town: Town) -> None:
    one = member(town)
    one.is_out_by("no rule fits")
    town.join("Berlin-Office", one.name)
    one.is_in_by("mail-users")
    with a_ping_that_is_cut(one):
        town.leave("Berlin-Office", one.name)
    one.is_out_by("no rule fits")
    one.was_told("access-refused")
    town.join("Berlin-Office", one.name)
    one.is_in_by("mail-users")
    assert [phone["device_id"] for phone in one.place.shown(one.name)["devices"]] == ["PHONE1"]


def test_a_group_that_leaves_the_outer_one_takes_its_people_along(town: Town) -> None:
    one = member(town, "Berlin-Office")
    one.is_in_by("mail-users")
    with a_ping_that_is_cut(one):
        town.leave("Europe", "Berlin-Office")
    one.is_out_by("no rule fits")
    town.join("Europe", "Berlin-Office")
    one.is_in_by("mail-users")


def test_who_comes_into_a_refused_group_by_another_one_is_cut(town: Town) -> None:
    one = member(town, "Berlin-Office")
    one.is_in_by("mail-users")
    with a_ping_that_is_cut(one):
        town.join("Leavers-Berlin", one.name)
    one.is_out_by("no-leavers")
    town.leave("Leavers-Berlin", one.name)
    one.is_in_by("mail-users")


def test_a_renamed_group_is_the_same_by_its_sid_and_by_its_name_whoever_has_the_name(town: Town) -> None:
    by_sid, by_name, newcomer = member(town, "By-Sid"), member(town, "By-Name"), member(town)
    by_sid.is_in_by("by-sid")
    by_name.is_in_by("by-name")
    with Client(town.place.door) as client:
        client.send(f"CONTOSO\\{by_sid.name}", by_sid.password, "PHONE1", "Ping")
        wait_until(lambda: town.place.server.hanging == 1, "the Ping hangs")
        town.rename("By-Sid", "Of-Another-Name")
        wait_until(lambda: "CONTOSO\\Of-Another-Name" in by_sid.groups(), "the new name is known", SOON)
        town.place.server.deliver(by_sid.name, "Still there")
        assert client.answer().status == 200, "a name no rule speaks of cuts nobody"
    by_sid.is_in_by("by-sid")
    with a_ping_that_is_cut(by_name):
        town.rename("By-Name", "Not-By-Name")
    by_name.is_out_by("no rule fits")
    town.place.dc.samba_tool("group", "add", "By-Name")
    town.join("By-Name", newcomer.name)
    newcomer.is_in_by("by-name")
    by_name.is_out_by("no rule fits")


def test_who_is_asked_about_and_is_nobody_is_told_so(town: Town) -> None:
    done = town.place.site.run("policy", "check", "nobody-there")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no account is called 'nobody-there'" in done.stderr
    assert "handfast directory show" in done.stderr


def test_the_primary_group_counts_as_any_other(town: Town) -> None:
    """Active Directory does not list it among the memberships: its members don't stand in its `member` (MS-ADTS 3.1.1.4.5.19)."""
    one = member(town, "Primary")
    one.is_in_by("primary")
    town.place.dc.set_values(one.dn, primaryGroupID=int(town.sids["Primary"].rpartition("-")[2]))
    assert f"CN={one.name}," not in town.place.dc.ldbsearch("(sAMAccountName=Primary)", "member")
    one.wait_for_a_reading()
    one.is_in_by("primary")
    with a_ping_that_is_cut(one):
        town.place.dc.set_values(one.dn, primaryGroupID=DOMAIN_USERS)
        town.leave("Primary", one.name)
    one.is_out_by("no rule fits")
