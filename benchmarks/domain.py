"""A real domain of any size: people, and groups in groups, in the database of Samba's controller.

Additions in ldb's batch mode, 20,000 a transaction: a person then takes little more than a millisecond of one core, however
many there are already (three to four minutes for 100,000 with their groups; 2 GB of memory and of disk). Without batch
mode ldb makes every addition one that it could take back, for which it copies its index: 100,000 would take hours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from benchmarks.people import name_of
from tests.servers.samba import DomainController
from tests.servers.samba_domain import BASE, LARGE_STORE, MAIL_DOMAIN, REALM, line

ADDED_AT_ONCE = 20_000
UNITS = 20
TEAMS, DEPARTMENTS, DIVISIONS = 160, 32, 8
"""Five teams are a department, four departments a division, all divisions the staff: 201 groups, four for each person."""
STAFF = "All Staff"
NEWCOMERS, NEWCOMERS_SHARE = "Newcomers", 20
"""A group that has one person in twenty as members of its own: more than a controller gives at once (MaxValRange 1,500)."""
GLOBAL_SECURITY = -0x7FFFFFFE
"""groupType. Source: MS-ADTS 2.2.12."""
BATCH_MODE = ("--nosync", "-o", "batch_mode:1", "-o", "transaction_index_cache_size:200000")
"""Options of ldbmodify: an addition that fails spoils its transaction, and nothing waits for the disk."""


@contextlib.contextmanager
def domain_of(people: int) -> Iterator[DomainController]:
    """A domain with so many people more than it has anyway, in groups. They have no passwords: nobody here uses any, and each
    would cost 30 ms.
    """
    with DomainController(store=LARGE_STORE) as dc:
        fill(dc, people)
        yield dc


def fill(dc: DomainController, people: int) -> None:
    """Raises: ServerDidNotStart."""
    dc.ldbmodify("".join(map(build_unit, range(UNITS))), *BATCH_MODE)
    for first in range(0, people, ADDED_AT_ONCE):
        numbers = range(first, min(first + ADDED_AT_ONCE, people))
        dc.ldbmodify("".join(map(build_entry, numbers)), *BATCH_MODE)
    dc.ldbmodify("".join(build_group(name, members) for name, members in list_groups(people)), *BATCH_MODE)


def build_unit(number: int) -> str:
    """The organizational unit with that number, as LDIF that adds it."""
    return _addition(_unit_dn(number), {"objectClass": "organizationalUnit"})


def build_entry(number: int) -> str:
    """The person with that number, as LDIF that adds it."""
    name = name_of(number)
    values: dict[str, str | int] = {
        "objectClass": "user",
        "sAMAccountName": name,
        "userPrincipalName": f"{name}@{REALM.lower()}",
        "userAccountControl": 0x10200,  # enabled, its password never expires
        "displayName": f"Person {number}",
        "mail": f"{name}@{MAIL_DOMAIN}",
    }
    return _addition(person_dn(number), values)


def build_group(name: str, members: Sequence[str]) -> str:
    """A global security group of these distinguished names, as LDIF that adds it."""
    values: dict[str, str | int] = {
        "objectClass": "group",
        "sAMAccountName": name,
        "groupType": GLOBAL_SECURITY,
    }
    entry = _addition(group_dn(name), values)
    return entry.removesuffix("\n") + "".join(line("member", member) for member in members) + "\n"


def list_groups(people: int) -> Iterator[tuple[str, list[str]]]:
    """Every group's name and members, those that are members of others first."""
    for team in range(TEAMS):
        yield f"Team {team}", [person_dn(number) for number in range(team, people, TEAMS)]
    yield from _nested("Department", DEPARTMENTS, "Team", TEAMS)
    yield from _nested("Division", DIVISIONS, "Department", DEPARTMENTS)
    yield STAFF, [group_dn(f"Division {division}") for division in range(DIVISIONS)]
    yield NEWCOMERS, [person_dn(number) for number in range(0, people, NEWCOMERS_SHARE)]


def person_dn(number: int) -> str:
    """Where the person with that number is."""
    return f"CN={name_of(number)},{_unit_dn(number % UNITS)}"


def group_dn(name: str) -> str:
    """Where the group is."""
    return f"CN={name},{_unit_dn(0)}"


def _nested(kind: str, count: int, inner: str, inner_count: int) -> Iterator[tuple[str, list[str]]]:
    for number in range(count):
        yield (
            f"{kind} {number}",
            [group_dn(f"{inner} {member}") for member in range(number, inner_count, count)],
        )


def _unit_dn(number: int) -> str:
    return f"OU=Unit {number},{BASE}"


def _addition(dn: str, values: dict[str, str | int]) -> str:
    head = line("dn", dn) + "changetype: add\n"
    return head + "".join(line(key, value) for key, value in values.items()) + "\n"
