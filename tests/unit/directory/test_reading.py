"""What a controller gives in parts is put together. (Everything else of `reading` is tried on a real one.)"""

from __future__ import annotations

import pytest

from handfast.directory.entries import Entry, build_entry
from handfast.directory.reading import parse_group, sees_deleted, whole
from handfast.directory.session import SHOW_DELETED, ControllerFailed

SID = bytes.fromhex("010500000000000515000000010000000200000003000000b0040000")
GUID = b"<GUID=7d2fefae-731d-4999-9af7-29f13798e2ab>"


def member(rid: int) -> bytes:
    return GUID + f";<SID=S-1-5-21-1-2-3-{rid}>;CN={rid}".encode()


class RangingLink:
    """Gives at most two members at a time, as a real controller does with 1,500."""

    def __init__(self, members: list[bytes]) -> None:
        self.members = members
        self.asked: list[tuple[str, str]] = []

    def first(self) -> Entry:
        return self._part(0)

    async def read(self, dn, attributes, *, controls=()) -> Entry | None:
        (option,) = attributes
        self.asked.append((dn, option))
        return self._part(int(option.partition("=")[2].partition("-")[0])) if self.members else None

    def _part(self, at: int) -> Entry:
        end = "*" if at + 2 >= len(self.members) else str(at + 1)
        some = {"member": [], f"member;range={at}-{end}": self.members[at : at + 2]}
        return build_entry("CN=x", {"objectSid": [SID], **some})


async def test_all_parts_of_a_long_attribute_are_read():
    link = RangingLink([member(rid) for rid in range(1100, 1105)])
    entry = await whole(link, link.first())
    assert entry.values["member"] == link.members
    assert entry.ranges == ()
    base = "<SID=S-1-5-21-1-2-3-1200>"
    assert link.asked == [(base, "member;range=2-*"), (base, "member;range=4-*")]


async def test_a_group_deleted_under_our_hands_keeps_what_was_read():
    link = RangingLink([member(rid) for rid in range(1100, 1105)])
    first = link.first()
    link.members = []
    assert (await whole(link, first)).values["member"] == [member(1100), member(1101)]


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
