"""People and groups for a domain controller are LDIF that it takes, and everybody is in groups, in groups."""

import base64

from benchmarks.domain import (
    DEPARTMENTS,
    DIVISIONS,
    NEWCOMERS,
    STAFF,
    TEAMS,
    build_entry,
    build_group,
    build_unit,
    group_dn,
    list_groups,
    person_dn,
)
from benchmarks.people import name_of


def values_of(entry: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in (line.split(":: ") for line in entry.splitlines() if ":: " in line):
        found.setdefault(name, []).append(base64.b64decode(value).decode())
    return found


def test_a_person_is_an_addition_without_a_password():
    entry = build_entry(7)
    assert values_of(entry)["sAMAccountName"] == [name_of(7)] == ["person000007"]
    assert values_of(entry)["dn"] == [person_dn(7)]
    assert "unicodePwd" not in entry
    assert "changetype: add" in entry


def test_entries_are_parted_by_one_empty_line():
    for entry in (build_unit(0), build_entry(0), build_group("Empty", []), build_group("Team", ["CN=a"])):
        assert entry.endswith("\n\n")
        assert "\n\n" not in entry.removesuffix("\n\n")


def test_a_group_has_its_members():
    values = values_of(build_group("Team 1", [person_dn(1), group_dn("Team 2")]))
    assert values["member"] == [person_dn(1), group_dn("Team 2")]
    assert values["dn"] == [group_dn("Team 1")]


def test_everybody_is_in_a_team_and_by_it_in_department_division_and_staff():
    groups = dict(list_groups(1_000))
    assert len(groups) == TEAMS + DEPARTMENTS + DIVISIONS + 2
    for number in range(1_000):
        at, above = person_dn(number), []
        while parents := [name for name, members in groups.items() if at in members and name != NEWCOMERS]:
            (parent,) = parents
            above.append(parent.partition(" ")[0])
            at = group_dn(parent)
        assert above == ["Team", "Department", "Division", STAFF.partition(" ")[0]]


def test_members_that_are_groups_were_added_before():
    seen: set[str] = set()
    for name, members in list_groups(100):
        assert {member for member in members if not member.startswith("CN=person")} <= seen
        seen.add(group_dn(name))
