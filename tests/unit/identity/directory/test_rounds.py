from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import ChangeBatch, SyncPosition
from handfast.identity.directory.rounds import CHUNK, FEW_MISSING, MirrorRound, TooManyMissing
from handfast.identity.ports import Unavailable
from tests.fakes.clock import START, SettableClock
from tests.fakes.directory import FakeDirectory, entry, sid_of
from tests.fakes.records import InMemoryRecords, _Accounts

SCOPE = "DC=contoso,DC=lab|"


class Site:
    """Records, a domain, and readings of it."""

    def __init__(self) -> None:
        self.records = InMemoryRecords()
        self.directory = FakeDirectory(page=30)
        self.clock = SettableClock()

    async def read(self, scope=SCOPE, **policy):
        reading = MirrorRound(self.records, self.clock, MirrorPolicy(**policy), scope)
        async for batch in self.directory.changes(await reading.read_positions()):
            await reading.store(batch)
        return reading

    def account(self, user):
        accounts = self.records.tables.accounts.values()
        return next((one for one in accounts if one.user == user and one.is_named), None)

    def present(self):
        return sorted(one.user for one in self.records.tables.accounts.values() if not one.is_gone)


@pytest.fixture
def site():
    return Site()


async def test_the_first_reading_stores_everybody_and_the_next_what_changed(site):
    people = [site.directory.add(f"user{n:03}") for n in range(100)]
    reading = await site.read()
    assert (reading.accounts_read, len(site.present())) == (100, 100)
    assert site.records.tables.positions == {"dc1": (SCOPE, 100, START)}
    site.directory.change(people[0], is_enabled=False)
    site.directory.delete(people[1])
    site.clock.advance(seconds=15)
    reading = await site.read()
    assert site.directory.asked_since == [{}, {"dc1": 100}]
    assert reading.report.events == [AuditEvent.ACCOUNT_CHANGED, AuditEvent.ACCOUNT_GONE]
    assert not site.account("user000").directory.is_enabled
    assert site.records.tables.positions["dc1"] == (SCOPE, 102, site.clock.now())
    writes = site.records.writes
    await site.read()
    assert site.records.writes == writes + 1, "the position"


async def test_accounts_that_wait_for_names_in_vain_are_nothing_to_write(site):
    for n in range(3):
        site.directory.add(f"user{n}", upn="boss@contoso.lab")
    await site.read()
    writes = site.records.writes
    assert len((await site.read()).report.contested) == 3
    assert site.records.writes == writes + 1, "the position"


async def test_names_that_became_free_are_given_out_some_at_a_time(site):
    adds = [
        lambda r, n=n: (
            r.accounts.add(user=f"user{n}", domain="CONTOSO", upn="", display_name="", now=START).id
        )
        for n in range(CHUNK + 1)
    ]
    locals_ = await site.records.write(lambda r: [add(r) for add in adds])
    for n in range(CHUNK + 1):
        site.directory.add(f"user{n}")
    await site.read()
    assert site.account("user0").sid is None
    await site.records.write(lambda r: [r.accounts.remove(one) for one in locals_])
    writes = site.records.writes
    await site.read()
    assert site.account("user0").sid is not None
    assert site.account(f"user{CHUNK}").sid is not None
    assert site.records.writes == writes + 3, "two for the names, one for the position"


async def test_a_mirror_of_something_else_is_read_as_a_whole(site):
    site.directory.add("alice")
    await site.read()
    await site.read("OU=other|")
    assert site.directory.asked_since == [{}, {}]
    assert list(site.records.tables.positions) == ["dc1"]


async def test_who_is_missing_from_a_whole_reading_is_gone(site):
    people = [site.directory.add(f"user{n}") for n in range(5)]
    await site.read()
    for one in people[:3]:
        site.directory.delete(one)
    site.directory.invocation_id = "dc2"
    await site.read()
    assert site.present() == ["user3", "user4"]


async def test_a_whole_reading_that_lacks_many_is_not_believed(site):
    people = [site.directory.add(f"user{n:03}") for n in range(60)]
    await site.read()
    for one in people[: FEW_MISSING + 1]:
        site.directory.delete(one)
    site.directory.change(people[50], is_enabled=False)
    site.directory.invocation_id = "dc2"
    with pytest.raises(TooManyMissing) as caught:
        await site.read()
    assert (caught.value.missing, caught.value.mirrored) == (21, 60)
    assert len(site.present()) == 60
    assert not site.account("user050").directory.is_enabled, "what it did say counts"
    assert list(site.records.tables.positions) == ["dc1"], "the reading does not"
    await site.read(max_missing_percent=35)
    assert len(site.present()) == 39


async def test_neither_is_one_that_says_of_many_that_they_are_gone(site):
    people = [site.directory.add(f"user{n:03}") for n in range(60)]
    await site.read()
    for one in people[: FEW_MISSING + 1]:
        site.directory.delete(one)
    with pytest.raises(TooManyMissing):
        await site.read()
    assert len(site.present()) == 60
    assert site.records.tables.positions["dc1"][1] == 60
    await site.read(max_missing_percent=100)
    assert len(site.present()) == 39


async def test_new_accounts_do_not_make_up_for_missing_ones(site):
    old = [site.directory.add(f"old{n}") for n in range(30)]
    await site.read()
    for one in old:
        site.directory.delete(one)
    for n in range(300):
        site.directory.add(f"new{n}")
    site.directory.invocation_id = "dc2"
    with pytest.raises(TooManyMissing):
        await site.read()


async def test_what_else_such_a_reading_says_is_stored_to_its_end(site):
    """Else whoever may delete many accounts would keep everybody else's being disabled from being heard of."""
    people = [site.directory.add(f"user{n:03}") for n in range(60)]
    await site.read()
    reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE)
    gone = frozenset(one.sid for one in people[: FEW_MISSING + 1])
    await reading.store(ChangeBatch(gone=gone, is_last=False))
    disabled = replace(people[50], facts=replace(people[50].facts, is_enabled=False))
    await reading.store(ChangeBatch((disabled,), is_last=False))
    end = SyncPosition("dc1", 90)
    with pytest.raises(TooManyMissing) as caught:
        await reading.store(ChangeBatch(position=end))
    assert not site.account("user050").directory.is_enabled
    assert (caught.value.withheld, caught.value.position) == (gone, end)
    assert (len(site.present()), site.records.tables.positions["dc1"][1]) == (60, 60)


async def test_the_next_one_goes_on_with_those_that_are_withheld(site):
    people = [site.directory.add(f"user{n:03}") for n in range(60)]
    await site.read()
    withheld = frozenset(one.sid for one in people[: FEW_MISSING + 1])
    before = TooManyMissing(len(withheld), 60, withheld)

    def go_on(**policy):
        return MirrorRound(site.records, site.clock, MirrorPolicy(**policy), SCOPE, before=before)

    last = ChangeBatch(position=SyncPosition("dc1", 91))
    with pytest.raises(TooManyMissing) as caught:
        await go_on().store(last)
    assert (caught.value.missing, caught.value.withheld, len(site.present())) == (21, withheld, 60)
    back = replace(last, accounts=(people[0],))
    reading = go_on()
    await reading.store(back)
    assert len(site.present()) == 40, "one is back; so few may go"
    assert site.records.tables.positions["dc1"][1] == 91
    await go_on(max_missing_percent=100).store(last)
    assert len(site.present()) == 39


async def gone_without_belief(site, people) -> TooManyMissing:
    """A reading says that these are gone, and is not believed."""
    reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE)
    await reading.store(ChangeBatch(gone=frozenset(one.sid for one in people), is_last=False))
    with pytest.raises(TooManyMissing) as caught:
        await reading.store(ChangeBatch(position=SyncPosition("dc1", 200)))
    return caught.value


def go_on_from(before, site):
    return MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE, before=before)


async def test_who_lost_the_name_to_a_newcomer_is_not_withheld_any_more(site):
    """A script deletes many accounts and makes them anew, and the poll between the two is not believed."""
    old = [site.directory.add(f"user{n:03}") for n in range(60)]
    for n in range(40):
        site.directory.add(f"other{n:03}")
    await site.read()
    before = await gone_without_belief(site, old)
    assert (before.missing, len(before.withheld), len(site.present())) == (60, 60, 100)
    anew = [entry(f"user{n:03}", 5000 + n) for n in range(60)]
    reading = go_on_from(before, site)
    await reading.store(ChangeBatch(tuple(anew[:30]), is_last=False))
    with pytest.raises(TooManyMissing) as caught:
        await reading.store(ChangeBatch(position=SyncPosition("dc1", 230)))
    assert (caught.value.missing, caught.value.mirrored) == (30, 100)
    assert caught.value.withheld == {one.sid for one in old[30:]}
    await go_on_from(caught.value, site).store(
        ChangeBatch(tuple(anew[30:]), position=SyncPosition("dc1", 260))
    )
    assert site.records.tables.positions["dc1"][1] == 260, "believed: nobody is withheld any more"
    assert {site.account(one.user).sid for one in anew} == {one.sid for one in anew}
    assert len(site.present()) == 100


async def test_accounts_that_a_later_reading_adds_do_not_either(site):
    old = [site.directory.add(f"old{n}") for n in range(30)]
    await site.read()
    before = await gone_without_belief(site, old)
    new = tuple(entry(f"new{n}", 5000 + n) for n in range(300))
    with pytest.raises(TooManyMissing) as caught:
        await go_on_from(before, site).store(ChangeBatch(new, position=SyncPosition("dc1", 500)))
    assert (caught.value.missing, caught.value.mirrored) == (30, 30)


async def test_who_cannot_be_judged_is_neither_missing_nor_let_in(site):
    people = [site.directory.add(f"user{n:03}") for n in range(60)]
    await site.read()
    unreadable = frozenset(one.sid for one in people[:30])
    whole = ChangeBatch(tuple(people[30:]), unreadable=unreadable, is_whole=True)
    reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE)
    await reading.store(replace(whole, position=SyncPosition("dc1", 77)))
    assert site.records.tables.positions["dc1"][1] == 77, "it counts"
    enabled = {one.sid for one in site.records.tables.accounts.values() if one.directory.is_enabled}
    assert (len(site.present()), enabled) == (60, {one.sid for one in people[30:]})
    assert reading.report.events == [AuditEvent.ACCOUNT_CHANGED] * 30
    writes = site.records.writes
    await reading.store(ChangeBatch(unreadable=unreadable | {"S-1-nobody"}))
    assert site.records.writes == writes, "that is known"
    assert len(site.present()) == 60


async def test_who_can_not_be_judged_now_is_known_whatever_readings_told_it(site):
    unreadable = {"S-1-before"}

    async def read(*batches):
        reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE, unreadable=unreadable)
        for batch in batches:
            await reading.store(batch)
        return unreadable

    whole = ChangeBatch(
        (entry("alice", 1),),
        unreadable=frozenset({"S-1-a", "S-1-b", sid_of(2)}),
        is_whole=True,
        is_last=False,
    )
    assert await read(whole) == {"S-1-before", "S-1-a", "S-1-b", sid_of(2)}, "not to its end yet"
    assert await read(replace(whole, is_last=True)) == {"S-1-a", "S-1-b", sid_of(2)}
    more = ChangeBatch((entry("bob", 2),), gone=frozenset({"S-1-a"}), unreadable=frozenset({"S-1-c"}))
    assert await read(more) == {"S-1-b", "S-1-c"}


async def test_few_may_be_missing_whatever_share_they_are(site):
    people = [site.directory.add(f"user{n}") for n in range(FEW_MISSING)]
    await site.read()
    for one in people:
        site.directory.delete(one)
    site.directory.invocation_id = "dc2"
    await site.read()
    assert site.present() == []


async def test_a_reading_that_broke_off_keeps_no_position(site):
    for n in range(40):
        site.directory.add(f"user{n}")
    reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE)
    batches = [batch async for batch in site.directory.changes({})]
    await reading.store(batches[0])
    assert site.records.tables.positions == {}
    assert len(site.present()) == 30
    await site.read()
    assert len(site.present()) == 40


async def test_transactions_stay_small(site):
    site.directory.page = 10_000
    for n in range(2 * CHUNK + 1):
        site.directory.add(f"user{n}")
    await site.read()
    assert site.records.writes == 3 + 1


async def test_what_no_record_can_hold_keeps_nobody_else_out(site, monkeypatch):
    bad = entry("bad", 1999)
    original = _Accounts.add_all

    def refusing(self, new, *, now):
        if any(one.user == "bad" for one in new):
            raise ValueError("the schema refuses it")
        original(self, new, now=now)

    monkeypatch.setattr(_Accounts, "add_all", refusing)
    reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE)
    await reading.store(ChangeBatch((entry("alice", 1101), bad, entry("bob", 1102))))
    assert site.present() == ["alice", "bob"]
    assert reading.report.unfit == [f"{sid_of(1999)}: the schema refuses it"]
    assert reading.report.events == [AuditEvent.ACCOUNT_MIRRORED] * 2


async def test_who_is_known_and_can_be_stored_no_longer_is_not_let_in_by_what_was_known(site, monkeypatch):
    alice, bob = site.directory.add("alice"), site.directory.add("bob")
    await site.read()
    original = _Accounts.rename

    def refusing(self, account_id, **names):
        if names["display_name"] == "too long":
            raise ValueError("the schema refuses it")
        original(self, account_id, **names)

    monkeypatch.setattr(_Accounts, "rename", refusing)
    site.directory.change(alice, display_name="too long")
    site.directory.change(bob, display_name="Robert")
    await site.read()
    assert not site.account("alice").directory.is_enabled
    assert (site.account("bob").display_name, site.account("bob").directory.is_enabled) == ("Robert", True)


async def test_a_database_that_does_not_answer_ends_the_reading(site):
    site.directory.add("alice")
    site.records.unavailable = True
    with pytest.raises(Unavailable):
        await site.read()


async def test_names_of_local_accounts_are_claimed_when_they_are_free(site):
    site.directory.add("alice")
    local = await site.records.write(
        lambda r: r.accounts.add(user="alice", domain="CONTOSO", upn="", display_name="", now=START)
    )
    assert len((await site.read()).report.conflicts) > 0
    assert len((await site.read()).report.conflicts) == 1, "told of as long as it lasts"
    await site.records.write(lambda r: r.accounts.remove(local.id))
    reading = await site.read()
    assert reading.report.conflicts == []
    assert site.account("alice").sid == sid_of(1101)


async def test_a_batch_may_come_without_a_position(site):
    reading = MirrorRound(site.records, site.clock, MirrorPolicy(), SCOPE)
    await reading.store(ChangeBatch((entry("alice", 1101),), gone=frozenset({"S-1-other"})))
    assert site.records.tables.positions == {}
    await reading.store(ChangeBatch(position=SyncPosition("dc1", 3)))
    assert await reading.read_positions() == {"dc1": 3}
