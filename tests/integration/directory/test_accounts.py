"""What is read of accounts, against the domain controller's own word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.session import Address, Session
from handfast.directory.tls import build_context
from handfast.directory.values import parse_sid
from handfast.identity.records import DirectoryGroup
from tests.integration.directory.accounts import as_account
from tests.servers.samba import BASE, NEEDS, REALM
from tests.servers.samba_domain import PEOPLE, user_dn

pytestmark = NEEDS
BEGINNING = datetime(1601, 1, 1, tzinfo=UTC)


def names(groups: frozenset[DirectoryGroup]) -> set[str]:
    return {group.name for group in groups}


async def test_every_account_is_read_with_what_the_directory_says_of_it(shared_dc, reading):
    people = await reading(shared_dc).read()
    assert set(PEOPLE) < set(people)
    alice, carol, dave, erin = (people[name] for name in ("alice", "carol", "dave", "erin"))
    assert (alice.domain, alice.upn, alice.facts.realm) == ("CONTOSO", "alice@contoso.lab", REALM)
    assert (alice.display_name, alice.facts.mail) == ("Alice Example", "alice@contoso.com")
    assert alice.facts.is_enabled
    assert alice.facts.is_delegable
    assert alice.facts.expires_at is None
    assert alice.facts.locked_until is None
    assert timedelta(days=40) < alice.facts.password_expires_at - datetime.now(UTC) < timedelta(days=43)
    assert not carol.facts.is_enabled
    assert dave.facts.expires_at == datetime(2020, 1, 1, tzinfo=UTC)
    assert not erin.facts.is_delegable
    assert not people["heidi"].facts.is_delegable, "Protected Users"
    assert people["frank"].facts.password_expires_at == BEGINNING
    assert people["grace"].facts.password_expires_at is None
    assert people["no-upn"].upn == "no-upn@contoso.lab"
    assert people["other-name"].upn == "quite.different@partner.example"
    assert people["jörg.o'neil"].display_name == "Jörg O'Neil"
    assert people["smith(j)"].display_name == "Smith, John (Sales)"
    assert people["back"].display_name == "Back\\Slash * and #"


async def test_nobody_but_ordinary_users_is_an_account(shared_dc, reading):
    people = await reading(shared_dc).read()
    assert not any(name.endswith("$") for name in people)


async def test_groups_are_those_of_token_groups_for_everybody(shared_dc, reading):
    """Nested ones, loops, the primary group, domain local and builtin ones; never a mailing list."""
    people = await reading(shared_dc).read()
    address = Address(shared_dc.name, shared_dc.address, 636)
    session = Session(address, build_context(shared_dc.ca_file), 5.0)
    session.open()
    try:
        session.sign_in("svc-read@contoso.lab", "svc-read-Passw0rd.1")
        for name, account in people.items():
            dn = user_dn(name) if name in PEOPLE else f"CN={name},CN=Users,{BASE}"
            entry = session.search(dn, "(objectClass=*)", ["tokenGroups"], scope="BASE").entries[0]
            theirs = {parse_sid(value) for value in entry.values["tokengroups"]}
            assert {group.sid for group in account.groups} == theirs, name
    finally:
        session.end()
    assert names(people["alice"].groups) == {
        *("Berlin", "Sales", "Phones", "MobileUsers", "Helpdesk", "Domain Users", "Users")
    }
    assert {"Loop-A", "Loop-B", "Everything (odd) Group"} < names(people["bob"].groups)
    assert DirectoryGroup("S-1-5-32-545", "BUILTIN", "Users") in people["bob"].groups


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("alice", "alice"),
        ("ALICE", "alice"),
        ("CONTOSO\\alice", "alice"),
        ("contoso.lab\\alice", "alice"),
        ("alice@contoso.lab", "alice"),
        ("alice@contoso.com", "alice"),
        ("quite.different@partner.example", "other-name"),
        ("no-upn@contoso.lab", "no-upn"),
        ("jörg.o'neil", "jörg.o'neil"),
        ("jörg.o'neil@contoso.lab", "jörg.o'neil"),
        ("smith(j)", "smith(j)"),
        ("山田", "山田"),
        ("yamada@contoso.lab", "山田"),
        ("OTHER\\alice", None),
        ("other-name@contoso.lab", None),
        ("nobody", None),
        ("svc-read", "svc-read"),
        ("Domain Users", None),
        ("alice*", None),
        ("*", None),
        ("", None),
        ("a" * 2000, None),
        ("alice)(sAMAccountName=*", None),
        ("alice\0", None),
        ("CONTOSO\\", None),
    ],
)
async def test_find_by_every_form_of_name(shared_dc, opened, name, user):
    found = await opened(shared_dc).find(name)
    assert (found.user if found else None) == user


async def test_find_by_sid_with_the_same_groups_as_the_whole_reading(shared_dc, reading, opened):
    people = await reading(shared_dc).read()
    directory = opened(shared_dc)
    for name in ("alice", "bob", "smith(j)", "back", "Administrator", "Guest"):
        found = await directory.find(people[name].sid)
        assert (found.user, found.groups) == (name, people[name].groups)


async def test_two_that_fit_a_name_are_nobody(fresh_dc, opened):
    fresh_dc.set_user("bob", mail="alice@contoso.com")
    assert await opened(fresh_dc).find("alice@contoso.com") is None


async def test_base_and_filter_say_who_is_found(shared_dc, opened, reading):
    other = opened(shared_dc, account_filter="(displayName=*)")
    assert (await other.find("alice")).user == "alice"
    assert await other.find("carol") is None
    builtin = opened(shared_dc, base=f"CN=Builtin,{BASE}")
    assert await builtin.find("alice") is None
    assert await reading(shared_dc, base=f"CN=Builtin,{BASE}").read() == {}


async def test_the_lockout_policy_is_the_domains(shared_dc, opened):
    directory = opened(shared_dc)
    lockout = await directory.lockout(as_account(await directory.find("alice")))
    assert (lockout.threshold, lockout.window, lockout.duration) == (
        5,
        timedelta(minutes=30),
        timedelta(minutes=30),
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("CONTOSO\\Sales", "CONTOSO\\Sales"),
        ("contoso\\sales", "CONTOSO\\Sales"),
        ("CONTOSO\\Helpdesk", "CONTOSO\\Helpdesk"),
        ("CONTOSO\\Everything (odd) Group", "CONTOSO\\Everything (odd) Group"),
        ("S-1-5-32-545", "BUILTIN\\Users"),
        ("BUILTIN\\Users", "BUILTIN\\Users"),
        ("CONTOSO\\Newsletter", ""),
        ("CONTOSO\\Nobody", ""),
        ("contoso.lab\\Sales", ""),
        ("CONTOSO\\alice", ""),
    ],
)
async def test_a_group_as_rules_name_it(shared_dc, opened, name, found):
    """A mailing list is none, nor is an account of that name."""
    group = await opened(shared_dc).find_group(name)
    assert ("" if group is None else f"{group.domain}\\{group.name}") == found


async def test_a_group_is_found_by_the_sid_that_its_members_have(shared_dc, opened):
    directory = opened(shared_dc)
    (sales,) = [one for one in (await directory.find("alice")).groups if one.name == "Sales"]
    assert await directory.find_group(sales.sid) == sales
    assert await directory.find_group(sales.sid.lower()) == sales
