"""What a controller gives in parts is put together, and what makes no sense passed over. (All else is tried on a real one.)"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import Entry, build_entry
from handfast.directory.group_graph import Group
from handfast.directory.reading import parse_group, read_groups, sees_deleted
from handfast.directory.session import SHOW_DELETED, ControllerFailed

SID = bytes.fromhex("010500000000000515000000010000000200000003000000b0040000")
GUID = b"<GUID=7d2fefae-731d-4999-9af7-29f13798e2ab>"
ROOT = RootFacts("DC=contoso,DC=lab", "CN=Configuration", "CN=DC1", 1, "dc1", datetime.now(UTC))
POLICY = Policy(5, timedelta(minutes=30), None, None)
DOMAIN = DomainFacts(ROOT, "", "S-1-5-21-1-2-3", "CONTOSO", "contoso.lab", POLICY)


def member(rid: int) -> bytes:
    return GUID + f";<SID=S-1-5-21-1-2-3-{rid}>;CN={rid}".encode()


class RangingLink:
    """Gives at most two members at a time, as a real controller does with 1,500; answers as `Link` does."""

    name = "dc1"

    def __init__(self, members: list[bytes], **values: bytes | None) -> None:
        self.members = members
        self.asked: list[tuple[str, str]] = []
        given = {"objectSid": SID, "sAMAccountName": b"Sales", "groupType": b"-2147483646", **values}
        self._values = {name: [value] for name, value in given.items() if value is not None}
        self.is_deleted = False

    async def pages(self, base, query, attributes, *, controls=()):
        yield (build_entry("CN=x", {**self._values, **self._part(0)}),)

    async def read(self, dn, attributes, *, controls=()) -> Entry | None:
        (option,) = attributes
        self.asked.append((dn, option))
        part = self._part(int(option.partition("=")[2].partition("-")[0]))
        return None if self.is_deleted else build_entry("CN=x", part)

    async def call(self, work):
        return work(None)

    def _part(self, at: int) -> dict[str, list[bytes]]:
        end = "*" if at + 2 >= len(self.members) else str(at + 1)
        return {"member": [], f"member;range={at}-{end}": self.members[at : at + 2]}


async def groups_of(link: RangingLink) -> tuple[list[Group], list[str]]:
    nameless: list[str] = []
    return [group async for group in read_groups(link, DOMAIN, nameless)], nameless


async def test_all_parts_of_a_long_attribute_are_read():
    link = RangingLink([member(rid) for rid in range(1100, 1105)])
    ((group,), nameless) = await groups_of(link)
    assert (group.key, group.name, group.is_security, nameless) == (1200, "Sales", True, [])
    assert group.members == set(range(1100, 1105))
    base = "<SID=S-1-5-21-1-2-3-1200>"
    assert link.asked == [(base, "member;range=2-*"), (base, "member;range=4-*")]


async def test_a_group_deleted_under_our_hands_keeps_what_was_read():
    link = RangingLink([member(rid) for rid in range(1100, 1105)])
    link.is_deleted = True
    assert (await groups_of(link))[0][0].members == {1100, 1101}


async def test_one_member_that_makes_no_sense_costs_its_own_membership_alone():
    odd = [b"CN=plain", b"", GUID + b"<SID=S-1-x>;CN=y", GUID + b";CN=contact"]
    link = RangingLink([*odd, member(1100), member(1101) + b"x" * 100_000])
    assert (await groups_of(link))[0][0].members == {1100, 1101}


@pytest.mark.parametrize("members", [1, 5], ids=["in one part", "in several"])
async def test_a_group_without_a_sid_is_told_and_ends_no_reading(members):
    link = RangingLink([member(1100)] * members, objectSid=None)
    assert await groups_of(link) == ([], ["CN=x"])


async def test_a_controller_that_goes_round_in_circles_fails():
    link = RangingLink([member(rid) for rid in range(1100, 1105)])
    part = link._part(0)
    link._part = lambda _at: part
    with pytest.raises(ControllerFailed, match="again and again"):
        await groups_of(link)


def test_what_is_hidden_of_a_group_leaves_it_what_it_is():
    """Whoever owns a group may empty it; but its members must not fall out of it because its name can't be read."""
    for values in ({}, {"sAMAccountName": [b"a\nb"], "groupType": [b"x"]}):
        group = parse_group(
            build_entry("CN=x", {"objectSid": [SID], "member": [member(1100)], **values}), DOMAIN.sid
        )
        assert (group.key, group.name, group.is_security, group.members) == (1200, "", True, {1100})


def test_a_group():
    given = {"objectSid": [SID], "sAMAccountName": [b"Sales"], "groupType": [b"-2147483646"]}
    contact = GUID + b";CN=contact"
    group = parse_group(build_entry("CN=x", {**given, "member": [member(1100), contact]}), "S-1-5-21-1-2-3")
    assert (group.key, group.name, group.is_security, group.members) == (1200, "Sales", True, {1100})
    mailing_list = parse_group(build_entry("CN=x", {**given, "groupType": [b"2"]}), "S-1-5-21-1-2-3")
    assert not mailing_list.is_security


CONTAINER = "CN=Deleted Objects,DC=contoso,DC=lab"


@pytest.mark.parametrize(
    ("answer", "is_shown"),
    [
        (Entry(CONTAINER, {"objectclass": [b"top", b"container"]}), True),
        (Entry(CONTAINER, {}), False),
        (None, False),
        (ControllerFailed("insufficientAccessRights"), False),
    ],
    ids=["read", "its name alone", "hidden", "refused"],
)
async def test_deleted_objects_are_shown_to_who_may_read_their_container(answer, is_shown):
    asked = []

    class Link:
        async def read(self, dn, attributes, *, controls=()):
            asked.append((dn, attributes, list(controls)))
            if isinstance(answer, Exception):
                raise answer
            return answer

    assert await sees_deleted(Link(), "DC=contoso,DC=lab") is is_shown
    assert asked == [(CONTAINER, ("objectClass",), [SHOW_DELETED])]
