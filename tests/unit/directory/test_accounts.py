"""Which groups an account is put into: those that it says it is in, and those that say so of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.accounts import AccountBuilder
from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import Entry, build_entry
from handfast.directory.group_graph import GroupGraph, build_group

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROOT = RootFacts("DC=contoso,DC=lab", "CN=Configuration", "CN=DC1", 1, "dc1", NOW)
POLICY = Policy(5, timedelta(minutes=30), timedelta(minutes=30), None)
DOMAIN = DomainFacts(ROOT, "", "S-1-5-21-1-2-3", "CONTOSO", "contoso.lab", POLICY)
SID = bytes.fromhex("01050000000000051500000001000000020000000300000051040000")
PSO = b"CN=strict,CN=Password Settings Container,CN=System,DC=contoso,DC=lab"
ALICE = 1105


def reference(rid: int) -> bytes:
    return f"<GUID={rid:032x}>;<SID={DOMAIN.sid}-{rid}>;CN=x".encode()


def entry(**values: list[bytes]) -> Entry:
    number = {"userAccountControl": b"512", "accountExpires": b"0", "pwdLastSet": b"0"}
    number |= {"uSNChanged": b"1", "primaryGroupID": b"513", "msDS-User-Account-Control-Computed": b"16"}
    given = {name: [value] for name, value in number.items()}
    named = {name.replace("_", "-"): some for name, some in values.items()}
    return build_entry("CN=alice", {"objectSid": [SID], "sAMAccountName": [b"alice"], **given, **named})


class Link:
    """Knows further parts of attributes, and policies; counts what it is asked."""

    name = "dc1"

    def __init__(self, **objects: Entry | None) -> None:
        self._objects = objects
        self.asked: list[str] = []

    async def read(self, dn, attributes, *, controls=()) -> Entry | None:
        self.asked.append(dn)
        return self._objects.get(dn)

    async def call(self, work):
        return work(None)


def builder(link: Link, problems: list[str]) -> AccountBuilder:
    groups = {513: (), 1200: (ALICE,), 1201: (), 1202: (), 1203: (1200,)}
    graph = GroupGraph(
        build_group(rid, str(rid), members, is_security=True) for rid, members in groups.items()
    )
    return AccountBuilder(link, DOMAIN, graph, lambda: NOW, problems)


async def test_its_own_word_and_the_groups_count_together_however_many_there_are():
    base = f"<SID={DOMAIN.sid}-{ALICE}>"
    rest = build_entry(base, {"memberOf;range=1-*": [reference(1202)]})
    link, first = Link(**{base: rest}), {"memberOf;range=0-0": [reference(1201)]}
    built = await builder(link, []).build([build_entry("CN=alice", {**entry().values, **first})])
    assert {group.name for group in built.accounts[0].groups} == {"513", "1200", "1201", "1202", "1203"}
    assert (built.unreadable, link.asked) == (frozenset(), [base])


@pytest.mark.parametrize(
    ("policy", "until"),
    [
        (None, datetime.max.replace(tzinfo=UTC)),
        ({}, datetime.max.replace(tzinfo=UTC)),
        ({"msDS-LockoutDuration": [b"1"]}, datetime.max.replace(tzinfo=UTC)),
        ({"msDS-LockoutDuration": [b"-36000000000"]}, datetime(1601, 1, 1, 1, tzinfo=UTC)),
    ],
    ids=["hidden", "its name alone", "nonsense", "shown"],
)
async def test_a_policy_is_asked_once_and_where_it_is_hidden_the_lock_has_no_end_we_know(policy, until):
    link = Link(**{PSO.decode(): None if policy is None else build_entry("CN=strict", policy)})
    locked = entry(msDS_ResultantPSO=[PSO], lockoutTime=[b"1"])
    problems: list[str] = []
    built = await builder(link, problems).build([locked, locked])
    assert {one.facts.locked_until for one in built.accounts} == {until}
    assert (link.asked, problems) == ([PSO.decode()], [])
    assert bool(built.unsettled) is (until.year == 9999)


async def test_what_cannot_be_judged_is_told_and_costs_the_others_nothing():
    problems: list[str] = []
    odd, nobody = entry(pwdLastSet=[b"soon"]), Entry("CN=" + "x" * 1000, {})
    built = await builder(Link(), problems).build([odd, nobody, entry()])
    assert [one.user for one in built.accounts] == ["alice"]
    assert built.unreadable == {f"{DOMAIN.sid}-{ALICE}"}
    assert problems[0].startswith("CN=alice: ldap pwdLastSet")
    assert len(problems[1]) < 400
