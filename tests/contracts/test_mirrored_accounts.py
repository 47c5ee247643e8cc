"""The contract of `AccountRepository` for accounts that a directory has, and of `PositionRepository`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handfast.identity.directory.entries import Readership, SyncPosition
from handfast.identity.ports import Conflict
from handfast.identity.records import DirectoryFacts, DirectoryGroup, NewAccount
from tests.contracts.raw_sql import run_sql
from tests.contracts.test_constraints import REFUSED
from tests.fakes.clock import START

SID = "S-1-5-21-1-2-3-1101"
FOR_EVER = datetime.max.replace(tzinfo=UTC)
FACTS = DirectoryFacts("CONTOSO.LAB", START, mail="A.Liddell@mail.contoso.lab")
ALICE = {
    "user": "alice",
    "domain": "CONTOSO",
    "upn": "alice@contoso.lab",
    "display_name": "Alice",
    "now": START,
    "sid": SID,
    "directory": FACTS,
}
NAMES = {name: ALICE[name] for name in ("user", "domain", "upn", "display_name")}
SALES = DirectoryGroup("S-1-5-21-1-2-3-2001", "CONTOSO", "Sales")
STAFF = DirectoryGroup("S-1-5-21-1-2-3-2002", "CONTOSO", "Staff \u00e9\\")


def add(**changes):
    return lambda r: r.accounts.add(**{**ALICE, **changes})


def second(rid=1102, user="bob", **changes):
    return add(sid=f"S-1-5-21-1-2-3-{rid}", user=user, upn="", **changes)


async def test_a_mirrored_account_is_found_by_sid_and_mail_too(records) -> None:
    account = await records.write(add())
    assert (account.sid, account.directory, account.is_named) == (SID, FACTS, True)
    assert await records.read(lambda r: r.accounts.find(account.id)) == account
    assert await records.read(lambda r: r.accounts.find_by_sid(SID)) == account
    assert await records.read(lambda r: r.accounts.find_by_sid("S-1-0")) is None
    assert list(await records.read(lambda r: r.accounts.find_by_mail("a.liddell@MAIL.contoso.lab"))) == [
        account
    ]
    assert not await records.read(lambda r: r.accounts.find_by_mail(""))
    assert list(await records.read(lambda r: r.accounts.list_mirrored())) == [(SID, account.id)]


@pytest.mark.parametrize("end", ["locked_until", "expires_at", "password_expires_at", "password_set_at"])
@pytest.mark.parametrize("at", [FOR_EVER, START, datetime(1601, 1, 1, tzinfo=UTC)], ids=str)
async def test_facts_are_kept_exactly_to_the_end_of_time(records, end, at) -> None:
    facts = replace(FACTS, is_present=False, is_enabled=False, is_delegable=False, mail="", **{end: at})
    account = await records.write(add(directory=facts))
    assert (await records.read(lambda r: r.accounts.find(account.id))).directory == facts


async def test_a_sid_is_taken_once(records) -> None:
    account = await records.write(add())
    with pytest.raises(Conflict):
        await records.write(add(user="other", upn=""))
    other = await records.write(second())
    with pytest.raises(Conflict):
        await records.write(lambda r: r.accounts.set_directory(other.id, SID, FACTS))
    assert await records.read(lambda r: r.accounts.find_by_sid(SID)) == account


async def test_the_directorys_word_replaces_the_one_before_and_makes_a_local_account_mirrored(
    records,
) -> None:
    local = await records.write(add(sid=None, directory=None))
    later = replace(FACTS, mail="new@contoso.lab", locked_until=FOR_EVER)
    await records.write(lambda r: r.accounts.set_directory(local.id, SID, FACTS))
    await records.write(lambda r: r.accounts.set_directory(local.id, SID, later))
    found = await records.read(lambda r: r.accounts.find(local.id))
    assert found == replace(local, sid=SID, directory=later)
    assert list(await records.read(lambda r: r.accounts.find_by_mail("new@contoso.lab"))) == [found]
    assert not await records.read(lambda r: r.accounts.find_by_mail(FACTS.mail))


async def test_a_renamed_account_is_found_by_its_new_names_alone(records) -> None:
    account = await records.write(add())
    new = {"user": "alicia", "domain": "FABRIKAM", "upn": "alicia@fabrikam.lab", "display_name": "Alicia"}
    await records.write(lambda r: r.accounts.rename(account.id, **new))
    found = await records.read(lambda r: r.accounts.find_by_domain_user("fabrikam", "ALICIA"))
    assert found == replace(account, **new)
    assert await records.read(lambda r: r.accounts.find_by_upn("alicia@fabrikam.lab")) == found
    assert await records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "alice")) is None
    assert list(await records.read(lambda r: r.accounts.find_by_mail(FACTS.mail))) == [found]


async def test_an_account_without_names_leaves_them_to_others(records) -> None:
    account = await records.write(add())
    with pytest.raises(Conflict):
        await records.write(second(user="ALICE"))
    await records.write(lambda r: r.accounts.rename(account.id, **NAMES, is_named=False))
    unnamed = replace(account, is_named=False)
    assert await records.read(lambda r: r.accounts.find_by_sid(SID)) == unnamed
    assert list(await records.read(lambda r: r.accounts.list_unnamed())) == [unnamed]
    assert await records.read(lambda r: r.accounts.find_by_upn(ALICE["upn"])) is None
    assert not await records.read(lambda r: r.accounts.find_by_user("alice"))
    assert not await records.read(lambda r: r.accounts.find_by_mail(FACTS.mail))
    taker = await records.write(second(user="ALICE"))
    assert await records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "alice")) == taker
    with pytest.raises(Conflict):
        await records.write(lambda r: r.accounts.rename(account.id, **NAMES))


async def test_an_account_may_come_without_names(records) -> None:
    local = await records.write(add(sid=None, directory=None))
    unnamed = await records.write(add(is_named=False))
    assert not unnamed.is_named
    assert await records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "alice")) == local
    gone = replace(FACTS, is_present=False)
    await records.write(lambda r: r.accounts.set_directory(unnamed.id, SID, gone))
    assert not await records.read(lambda r: r.accounts.list_unnamed())
    assert not await records.read(lambda r: r.accounts.list_mirrored())
    assert not await records.read(lambda r: r.accounts.find_by_mail(FACTS.mail))


async def test_a_upn_that_others_claim_leads_to_nobody_and_keeps_nobody_from_it(records) -> None:
    account = await records.write(add())
    await records.write(
        lambda r: r.accounts.rename(account.id, **{**NAMES, "upn": ""}, contested_upn="boss@contoso.lab")
    )
    contested = replace(account, upn="", contested_upn="boss@contoso.lab")
    boss = await records.write(second(user="boss"))
    await records.write(
        lambda r: r.accounts.rename(
            boss.id, user="boss", domain="CONTOSO", upn="BOSS@contoso.lab", display_name=""
        )
    )
    assert await records.read(lambda r: r.accounts.find(account.id)) == contested
    assert (await records.read(lambda r: r.accounts.find_by_upn("boss@contoso.lab"))).id == boss.id
    assert await records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "alice")) == contested
    without = await records.write(second(1103, "carol"))
    await records.write(
        lambda r: r.accounts.add(**{**ALICE, "user": "local", "sid": None, "directory": None})
    )
    await records.write(second(1104, "unnamed", is_named=False))
    listed = await records.read(lambda r: r.accounts.list_without_upn())
    assert {one.id: one for one in listed} == {account.id: contested, without.id: without}


async def test_a_upn_that_was_made_up_is_known_as_such(records) -> None:
    account = await records.write(add())
    await records.write(lambda r: r.accounts.rename(account.id, **NAMES, is_upn_made_up=True))
    made_up = replace(account, is_upn_made_up=True)
    assert await records.read(lambda r: r.accounts.find_by_upn(ALICE["upn"])) == made_up
    await records.write(lambda r: r.accounts.rename(account.id, **NAMES, is_upn_made_up=True, is_named=False))
    assert await records.read(lambda r: r.accounts.find(account.id)) == replace(made_up, is_named=False)
    await records.write(lambda r: r.accounts.rename(account.id, **NAMES))
    assert await records.read(lambda r: r.accounts.find(account.id)) == account


def new(rid, user, **changes):
    facts = replace(FACTS, mail=f"{user}@mail.contoso.lab")
    account = NewAccount(f"S-1-5-21-1-2-3-{rid}", user, "CONTOSO", f"{user}@contoso.lab", "\x00 \\", facts)
    return replace(account, **changes)


async def test_many_are_added_at_once_or_none(records) -> None:
    many = [new(2000 + number, f"user{number}") for number in range(50)]
    many.append(new(2900, "contested", upn="", contested_upn="x@contoso.lab"))
    many.append(new(2901, "without", is_upn_made_up=True))
    many.append(new(2902, "unnamed", is_named=False))
    await records.write(lambda r: r.accounts.add_all(many, now=START))
    found = await records.read(lambda r: r.accounts.find_by_sids([*(one.sid for one in many), "S-1-0"]))
    stored = {one.sid: tuple(getattr(one, name) for name in NewAccount.__slots__) for one in found}
    assert stored == {one.sid: tuple(getattr(one, name) for name in NewAccount.__slots__) for one in many}
    assert {one.created_at for one in found} == {START}
    assert (await records.read(lambda r: r.accounts.find_by_mail("user7@MAIL.contoso.lab")))[
        0
    ].user == "user7"
    with pytest.raises(Conflict):
        await records.write(lambda r: r.accounts.add_all([new(3000, "fresh"), new(3001, "USER1")], now=START))
    assert not await records.read(lambda r: r.accounts.find_by_user("fresh"))
    await records.write(lambda r: r.accounts.add_all([], now=START))


async def test_many_are_found_at_once(records) -> None:
    await records.write(
        lambda r: r.accounts.add_all([new(2000 + n, f"user{n}") for n in range(300)], now=START)
    )
    by_sid = await records.read(
        lambda r: r.accounts.find_by_sids(f"S-1-5-21-1-2-3-{2000 + n}" for n in range(0, 300, 3))
    )
    assert len({one.id for one in by_sid}) == 100
    by_name = await records.read(
        lambda r: r.accounts.find_by_names(
            ["USER1", "user2", "nobody"], ["User2@contoso.lab", "user3@CONTOSO.lab"]
        )
    )
    assert sorted(one.user for one in by_name) == ["user1", "user2", "user3"]
    assert not await records.read(lambda r: [*r.accounts.find_by_sids([]), *r.accounts.find_by_names([], [])])


async def test_groups_of_many_are_set_and_read_at_once(records) -> None:
    account, other, third = [await records.write(second(1200 + n, f"user{n}")) for n in range(3)]
    wanted = {account.id: frozenset({SALES, STAFF}), other.id: frozenset({STAFF}), third.id: frozenset()}
    await records.write(lambda r: r.accounts.set_groups_of_all(wanted))
    ids = [account.id, other.id, third.id, 999]
    assert await records.read(lambda r: r.accounts.groups_of_all(ids)) == {
        account.id: {SALES, STAFF},
        other.id: {STAFF},
    }
    await records.write(lambda r: r.accounts.set_groups_of_all({account.id: frozenset()}))
    await records.write(lambda r: r.accounts.set_groups_of_all({}))
    assert await records.read(lambda r: r.accounts.groups_of_all(ids)) == {other.id: {STAFF}}
    assert await records.read(lambda r: r.accounts.groups_of_all([])) == {}


async def test_of_two_the_one_that_is_there_comes_first(records) -> None:
    gone = replace(FACTS, is_present=False)
    for number in range(3):
        await records.write(second(1200 + number, "alice", domain=f"D{number}", directory=gone))
    present = await records.write(add())
    for find in (lambda r: r.accounts.find_by_user("alice"), lambda r: r.accounts.find_by_mail(FACTS.mail)):
        found = await records.read(find)
        assert (len(found), found[0]) == (2, present)


async def test_changing_nobody_is_an_error(records) -> None:
    with pytest.raises(KeyError):
        await records.write(lambda r: r.accounts.rename(12, **NAMES))
    with pytest.raises(KeyError):
        await records.write(lambda r: r.accounts.set_directory(12, SID, FACTS))
    with pytest.raises(LookupError):
        await records.write(lambda r: r.accounts.set_groups(12, frozenset({SALES})))


@pytest.mark.parametrize(
    "wrong",
    [{"sid": None}, {"directory": None}, {"sid": None, "directory": None, "is_named": False}],
    ids=str,
)
async def test_facts_belong_to_a_sid_and_local_accounts_have_names(records, wrong) -> None:
    with pytest.raises(ValueError, match="schema refuses"):
        await records.write(add(**wrong))


async def test_groups_are_those_that_were_last_set(records) -> None:
    account, other = await records.write(add()), await records.write(second())
    groups = lambda r: r.accounts.groups_of(account.id)
    assert await records.read(groups) == frozenset()
    await records.write(lambda r: r.accounts.set_groups(account.id, frozenset({SALES, STAFF})))
    await records.write(lambda r: r.accounts.set_groups(other.id, frozenset({SALES})))
    assert await records.read(groups) == {SALES, STAFF}
    await records.write(lambda r: r.accounts.set_groups(account.id, frozenset({STAFF})))
    assert await records.read(groups) == {STAFF}
    await records.write(lambda r: r.accounts.set_groups(account.id, frozenset()))
    assert await records.read(groups) == frozenset()
    assert await records.read(lambda r: r.accounts.groups_of(other.id)) == {SALES}
    await records.write(lambda r: r.accounts.remove(other.id))
    assert await records.read(lambda r: r.accounts.groups_of(other.id)) == frozenset()


async def test_a_group_has_the_name_it_was_last_given(records) -> None:
    account, other = await records.write(add()), await records.write(second())
    nameless, renamed = DirectoryGroup(SALES.sid), replace(SALES, name="Marketing")
    assert not await records.read(lambda r: r.accounts.find_groups([SALES.sid]))
    for group, known in ((nameless, nameless), (SALES, SALES), (nameless, SALES), (renamed, renamed)):
        await records.write(lambda r, group=group: r.accounts.set_groups(account.id, frozenset({group})))
        assert list(await records.read(lambda r: r.accounts.find_groups([SALES.sid, "S-1-0"]))) == [known]
    await records.write(lambda r: r.accounts.set_groups(other.id, frozenset({SALES})))
    assert await records.read(lambda r: r.accounts.groups_of(account.id)) == {SALES}


async def test_groups_that_some_account_is_in_are_listed_while_the_directory_has_it(records) -> None:
    account, other = await records.write(add()), await records.write(second())
    listed = lambda r: {one.sid for one in r.accounts.list_groups()}
    assert await records.read(listed) == set()
    await records.write(lambda r: r.accounts.set_groups(account.id, frozenset({SALES, STAFF})))
    await records.write(lambda r: r.accounts.set_groups(other.id, frozenset({SALES})))
    assert await records.read(listed) == {SALES.sid, STAFF.sid}
    gone = replace(account.directory, is_present=False)
    await records.write(lambda r: r.accounts.set_directory(account.id, account.sid, gone))
    assert await records.read(listed) == {SALES.sid}
    assert await records.read(lambda r: list(r.accounts.list_groups())) == [SALES]
    await records.write(lambda r: r.accounts.set_groups(other.id, frozenset()))
    assert await records.read(listed) == set()


async def test_an_account_may_be_in_many_groups(records) -> None:
    account = await records.write(add())
    many = frozenset(
        DirectoryGroup(f"S-1-5-21-1-2-3-{rid}", "CONTOSO", f"g{rid}") for rid in range(3000, 4200)
    )
    await records.write(lambda r: r.accounts.set_groups(account.id, many))
    assert await records.read(lambda r: r.accounts.groups_of(account.id)) == many


async def test_what_ended_between_two_instants_is_found(records) -> None:
    ends = {
        "before": {"expires_at": START},
        "account": {"expires_at": START + timedelta(seconds=1)},
        "password": {"password_expires_at": START + timedelta(seconds=9)},
        "both": {
            "expires_at": START - timedelta(days=1),
            "password_expires_at": START + timedelta(seconds=9),
        },
        "after": {"expires_at": START + timedelta(seconds=10)},
        "never": {},
        "gone": {"expires_at": START + timedelta(seconds=1), "is_present": False},
    }
    for number, (user, facts) in enumerate(ends.items()):
        await records.write(second(1300 + number, user, directory=replace(FACTS, **facts)))
    found = await records.read(
        lambda r: r.accounts.list_ended(after=START, until=START + timedelta(seconds=9))
    )
    assert {one.user for one in found} == {"account", "password", "both"}


async def test_positions_are_kept_for_each_controller_of_one_scope(records) -> None:
    async def save(invocation_id, usn, scope, seconds):
        position, read_at = SyncPosition(invocation_id, usn), START + timedelta(seconds=seconds)
        await records.write(lambda r: r.positions.save(position, scope=scope, read_at=read_at))

    assert await records.read(lambda r: (r.positions.list("a"), r.positions.newest_read_at())) == ({}, None)
    await save("dc1", 7, "a", 20)
    await save("dc2", 2**40, "a", 10)
    assert await records.read(lambda r: r.positions.newest_read_at()) == START + timedelta(seconds=10), (
        "the clock was set back"
    )
    await save("dc1", 9, "a", 15)
    assert await records.read(lambda r: r.positions.list("a")) == {"dc1": 9, "dc2": 2**40}
    assert await records.read(lambda r: r.positions.newest_read_at()) == START + timedelta(seconds=15)
    assert await records.read(lambda r: r.positions.list("b")) == {}
    await save("dc2", 1, "b", 30)
    assert await records.read(lambda r: (r.positions.list("a"), r.positions.list("b"))) == ({}, {"dc2": 1})
    with pytest.raises(ValueError, match="schema refuses"):
        await save("dc3", -1, "b", 30)


async def test_who_reads_is_kept_beside_the_positions_and_none_of_them(records) -> None:
    assert await records.read(lambda r: r.positions.readership()) is None
    for readership in (Readership("identity@a", 1, FOR_EVER), Readership("identity@b", 2, START)):
        await records.write(lambda r, one=readership: r.positions.save_readership(one))
        assert await records.read(lambda r: r.positions.readership()) == readership
    assert await records.read(lambda r: (r.positions.list("identity@b"), r.positions.newest_read_at())) == (
        {},
        None,
    )
    await records.write(lambda r: r.positions.save_readership(Readership("identity@a", 3, FOR_EVER)))
    await records.write(lambda r: r.positions.save(SyncPosition("dc1", 7), scope="a", read_at=START))
    assert await records.read(lambda r: (r.positions.list("a"), r.positions.newest_read_at())) == (
        {"dc1": 7},
        START,
    )
    assert await records.read(lambda r: r.positions.readership()) == Readership("identity@a", 3, FOR_EVER)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET sid = NULL",
        "UPDATE accounts SET realm = NULL",
        "UPDATE accounts SET read_at = NULL",
        "UPDATE accounts SET is_present = NULL",
        "UPDATE accounts SET is_enabled = NULL",
        "UPDATE accounts SET is_delegable = NULL",
        "UPDATE accounts SET mail = NULL",
        "UPDATE accounts SET folded_user = NULL",
        "UPDATE account_groups SET account_id = 99",
        "UPDATE account_groups SET group_id = 99",
        "INSERT INTO account_groups SELECT * FROM account_groups",
        "UPDATE directory_positions SET highest_usn = -1",
    ],
)
async def test_the_schema_refuses(sql_records, database_url, statement) -> None:
    def fill(r):
        account = r.accounts.add(**ALICE)
        r.accounts.set_groups(account.id, frozenset({SALES}))
        r.positions.save(SyncPosition("dc1", 1), scope="", read_at=START)

    await sql_records.write(fill)
    with pytest.raises(REFUSED):
        run_sql(database_url, statement)
