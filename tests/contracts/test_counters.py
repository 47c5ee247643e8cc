"""The contract of `CounterRepository`."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from handfast.identity.records import DOMAIN_KINDS, Counter, CounterKind
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)
DOMAINS_OWN = (
    (CounterKind.DOMAIN, "1"),
    (CounterKind.DOMAIN_TRYING, "1:ab12"),
    (CounterKind.DOMAIN_WRONG, "1:cd34"),
)


def fail(kind=CounterKind.ACCOUNT, scope="1", now=START, window_seconds=900):
    return lambda r: r.counters.increment(kind, scope, now=now, window_seconds=window_seconds)


async def test_failures_add_up_within_the_window(records) -> None:
    assert [await records.write(fail(now=START + n * SECOND)) for n in range(3)] == [1, 2, 3]
    found = await records.read(lambda r: r.counters.find(CounterKind.ACCOUNT, "1"))
    assert found == Counter(CounterKind.ACCOUNT, "1", START, 3)


async def test_a_new_window_begins_when_the_old_one_ended(records) -> None:
    await records.write(fail())
    assert await records.write(fail(now=START + 899 * SECOND)) == 2
    assert await records.write(fail(now=START + 900 * SECOND)) == 1
    assert await records.write(fail(now=START + 901 * SECOND)) == 2
    found = await records.read(lambda r: r.counters.find(CounterKind.ACCOUNT, "1"))
    assert found.window_start == START + 900 * SECOND


async def test_parallel_failures_each_count(records) -> None:
    counts = await asyncio.gather(*(records.write(fail()) for _ in range(50)))
    assert sorted(counts) == list(range(1, 51))


async def test_kinds_and_scopes_are_apart(records) -> None:
    await records.write(fail())
    assert await records.write(fail(scope="2")) == 1
    assert await records.write(fail(kind=CounterKind.SOURCE)) == 1
    assert len(await records.read(lambda r: r.counters.list(limit=10))) == 3
    assert len(await records.read(lambda r: r.counters.list(limit=2))) == 2


async def test_a_counter_is_put_in_place_of_what_was_there(records) -> None:
    counter = Counter(CounterKind.DOMAIN, "1", START, 4)
    await records.write(lambda r: r.counters.save(counter, window_seconds=60))
    assert await records.read(lambda r: r.counters.find(CounterKind.DOMAIN, "1")) == counter
    later = Counter(CounterKind.DOMAIN, "1", START + 30 * SECOND, 2)
    await records.write(lambda r: r.counters.save(later, window_seconds=60))
    assert await records.write(fail(CounterKind.DOMAIN, now=START + 89 * SECOND)) == 3
    assert await records.write(fail(CounterKind.DOMAIN, now=START + 90 * SECOND)) == 1


async def test_clearing_one(records) -> None:
    await records.write(fail())
    await records.write(lambda r: r.counters.clear(CounterKind.ACCOUNT, "1"))
    assert await records.read(lambda r: r.counters.find(CounterKind.ACCOUNT, "1")) is None


async def test_clearing_an_account_clears_its_own_alone(records) -> None:
    mine = [
        (CounterKind.ACCOUNT, "1"),
        (CounterKind.ACCOUNT_SOURCE, "1:192.0.2.1"),
        (CounterKind.FAMILIAR, "1:DEV:192.0.2.0/24"),
    ]
    others = [
        (CounterKind.ACCOUNT, "11"),
        (CounterKind.ACCOUNT_SOURCE, "11:192.0.2.1"),
        (CounterKind.ACCOUNT, "2"),
        (CounterKind.SOURCE, "1"),
        *DOMAINS_OWN,
    ]
    for kind, scope in mine + others:
        await records.write(fail(kind=kind, scope=scope))
    assert await records.write(lambda r: r.counters.clear_account(1)) == len(mine)
    left = await records.read(lambda r: r.counters.list(limit=10))
    assert {(c.kind, c.scope) for c in left} == set(others)


async def test_clearing_all_leaves_what_the_domain_counts_too(records) -> None:
    ours = [(kind, "1") for kind in CounterKind if kind not in DOMAIN_KINDS]
    for kind, scope in (*ours, *DOMAINS_OWN):
        await records.write(fail(kind=kind, scope=scope))
    assert await records.write(lambda r: r.counters.clear_all()) == len(ours)
    left = await records.read(lambda r: r.counters.list(limit=10))
    assert {(c.kind, c.scope) for c in left} == set(DOMAINS_OWN)
    assert await records.write(lambda r: r.counters.clear_all()) == 0


async def test_sweeping_takes_windows_that_ended(records) -> None:
    await records.write(fail(scope="old", window_seconds=60))
    await records.write(fail(scope="long", window_seconds=600))
    assert await records.write(lambda r: r.counters.sweep(before=START + 120 * SECOND)) == 1
    assert [c.scope for c in await records.read(lambda r: r.counters.list(limit=10))] == ["long"]


async def test_a_success_makes_the_network_familiar_to_that_device_alone(records) -> None:
    def work(r):
        account = r.accounts.add(user="a", domain="D", upn="", display_name="", now=START)
        r.counters.remember_success(account.id, "DEV", "net", START - SECOND)
        r.counters.remember_success(account.id, "DEV", "net", START)
        return account.id

    key = await records.write(work)

    def familiar(account_id, device_id, network, since):
        return lambda r: r.counters.is_familiar(account_id, device_id, network, since=since)

    assert await records.read(familiar(key, "DEV", "net", START))
    assert not await records.read(familiar(key, "DEV", "net", START + SECOND))
    assert not await records.read(familiar(key, "OTHER", "net", START))
    assert not await records.read(familiar(key, "DEV", "other", START))
    assert not await records.read(familiar(key + 1, "DEV", "net", START))
