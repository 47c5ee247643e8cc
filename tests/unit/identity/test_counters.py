from __future__ import annotations

from dataclasses import replace

from handfast.identity.audit import AuditEvent
from handfast.identity.counters import (
    UNKNOWN_NAME_BUCKETS,
    Reservation,
    Scope,
    give_back,
    reserve_attempt,
    scopes_of_account,
    scopes_of_unknown_name,
    unknown_name_scope,
)
from handfast.identity.policies import LockoutPolicy
from handfast.identity.records import AccountId, CounterKind
from tests.fakes.clock import START, SettableClock
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.one_phone import ALICE as ONE
from tests.fakes.records import InMemoryRecords

POLICY = LockoutPolicy(per_account_and_source=2, per_account=3, per_source=4)
ALICE = AccountId(1)


def scopes(repositories, source="192.0.2.1", device=None):
    return scopes_of_account(repositories.counters, POLICY, ALICE, device, source, START)


async def test_attempts_are_counted_until_a_scope_is_full_and_again_in_the_next_window():
    records, clock = InMemoryRecords(), SettableClock()

    async def attempt(source="192.0.2.1"):
        reserved = await records.write(
            lambda r: reserve_attempt(r, scopes(r, source), POLICY, None, clock.now())
        )
        return reserved.locked_by and reserved.locked_by.kind

    assert [await attempt() for _ in range(3)] == [None, None, CounterKind.ACCOUNT_SOURCE]
    assert [await attempt("192.0.2.2") for _ in range(2)] == [None, CounterKind.ACCOUNT]
    clock.advance(minutes=15)
    assert await attempt() is None


async def test_a_success_gives_back_what_only_its_owner_can_have_counted():
    records = InMemoryRecords()
    await records.write(lambda r: reserve_attempt(r, scopes(r), POLICY, None, START))
    await records.write(lambda r: give_back(r.counters, scopes(r)))
    kinds = {counter.kind for counter, _ in records.tables.counters.values()}
    assert kinds == {CounterKind.ACCOUNT, CounterKind.SOURCE}


async def test_a_familiar_device_counts_apart_on_its_own_network_only():
    records = InMemoryRecords()
    await records.write(lambda r: r.counters.remember_success(ALICE, "P1", "192.0.2.0/24", START))

    def kinds(**more):
        return records.read(lambda r: [scope.kind for scope in scopes(r, **more)])

    assert await kinds(device="P1", source="192.0.2.200") == [CounterKind.FAMILIAR]
    assert CounterKind.ACCOUNT in await kinds(device="P1", source="198.51.100.1")
    assert CounterKind.ACCOUNT in await kinds(device="P2")


def test_unknown_names_share_a_fixed_number_of_counters():
    keyring = FakeKeyRing()
    names = {unknown_name_scope(keyring, f"ghost {n}") for n in range(20_000)}
    assert len(names) <= UNKNOWN_NAME_BUCKETS
    assert unknown_name_scope(keyring, "Ghost") == unknown_name_scope(keyring, "gHOST")
    assert unknown_name_scope(keyring, "\udcff")
    kinds = [scope.kind for scope in scopes_of_unknown_name(keyring, POLICY, "ghost", "192.0.2.1")]
    assert kinds == [CounterKind.UNKNOWN_NAME, CounterKind.SOURCE]


def test_a_reservation_is_locked_by_the_scope_that_is_full():
    assert not Reservation().is_locked
    assert Reservation(Scope(CounterKind.ACCOUNT, "1", 3)).is_locked


async def test_the_last_attempt_that_a_scope_of_the_account_allows_is_audited_once():
    records = InMemoryRecords()
    account = replace(ONE, id=ALICE)
    for _ in range(5):
        await records.write(lambda r: reserve_attempt(r, scopes(r), POLICY, account, START))
    begun = [entry for entry in records.tables.audit if entry.event is AuditEvent.LOCKOUT_BEGUN]
    assert [entry.details["counter"] for entry in begun] == ["account-source"]
    assert begun[0].details["limit"] == "2"


async def test_a_full_source_is_no_lockout_of_the_account():
    records = InMemoryRecords()
    source = (Scope(CounterKind.SOURCE, "192.0.2.1", 1),)
    await records.write(lambda r: reserve_attempt(r, source, POLICY, replace(ONE, id=ALICE), START))
    assert records.tables.audit == []


async def test_who_is_overtaken_by_another_transaction_is_locked_by_the_first_scope_it_overran():
    """Between the look and the increment another identity's transaction may commit: the count itself decides."""

    def overtaken(repositories):
        increment = repositories.counters.increment
        repositories.counters.increment = lambda *args, **more: increment(*args, **more) + 10
        try:
            return reserve_attempt(repositories, scopes(repositories), POLICY, None, START)
        finally:
            repositories.counters.increment = increment

    records = InMemoryRecords()
    reservation = await records.write(overtaken)
    assert reservation.locked_by is not None
    assert reservation.locked_by.kind is CounterKind.ACCOUNT_SOURCE
    assert len(records.tables.counters) == 3, "every scope was written all the same"
