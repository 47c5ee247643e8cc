"""Two identities on one database: epochs, counters and blocks hold across both."""

from __future__ import annotations

import asyncio

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.audit_verification import verify_trail
from handfast.identity.ports import Unavailable
from handfast.identity.records import CounterKind, RevocationScope
from handfast.storage.migration import migrate
from handfast.storage.opening import open_records
from handfast.storage.urls import engine_url
from tests.contracts.conftest import NEEDS_POSTGRESQL
from tests.fakes.clock import START


def publish(r):
    r.audit.append(AuditEvent.DEVICE_BLOCKED, now=START, actor="uid:0", subject="s")
    r.counters.increment(CounterKind.ACCOUNT, "1", now=START, window_seconds=900)
    return r.revocations.publish(RevocationScope.EVERYTHING, now=START).epoch


async def test_each_hears_of_the_others_revocations_in_order_and_once(
    sql_records, database_url, keyring
) -> None:
    other = open_records(database_url, keyring, chain="identity-2", poll_seconds=0.1)
    await other.start()
    heard: dict[str, list[int]] = {"one": [], "two": []}
    sql_records.subscribe(lambda revocations: heard["one"].extend(r.epoch for r in revocations))
    other.subscribe(lambda revocations: heard["two"].extend(r.epoch for r in revocations))
    epochs = await asyncio.gather(*((sql_records, other)[n % 2].write(publish) for n in range(40)))
    assert sorted(epochs) == list(range(1, 41))
    async with asyncio.timeout(20):
        while len(heard["one"]) < 40 or len(heard["two"]) < 40:
            await asyncio.sleep(0.01)
    assert heard == {"one": list(range(1, 41)), "two": list(range(1, 41))}
    assert (await other.read(lambda r: r.counters.find(CounterKind.ACCOUNT, "1"))).failures == 40
    assert await other.read(lambda r: verify_trail(r.audit, keyring)) == []
    assert list(await other.read(lambda r: r.audit.chains())) == ["identity-1", "identity-2"]
    await other.close()


@NEEDS_POSTGRESQL
async def test_a_notice_is_faster_than_polling(postgresql, keyring) -> None:
    url = postgresql.new_database()
    migrate(url)
    one = open_records(url, keyring, chain="identity-1", poll_seconds=60)
    two = open_records(url, keyring, chain="identity-2", poll_seconds=60)
    await one.start()
    await two.start()
    heard = asyncio.Event()
    two.subscribe(lambda revocations: heard.set())
    # Before LISTEN stands only polling tells.
    listening = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle' AND query LIKE 'LISTEN %'"
    )
    name = str(engine_url(url).database)
    async with asyncio.timeout(20):
        while await asyncio.to_thread(postgresql.execute, listening, name) != "2":
            await asyncio.sleep(0.05)
    await one.write(publish)
    async with asyncio.timeout(20):
        await heard.wait()
    await one.close()
    await two.close()


@NEEDS_POSTGRESQL
async def test_a_server_that_went_away_is_unavailable_and_found_again(keyring) -> None:
    from tests.servers.postgresql import PostgresqlServer

    with PostgresqlServer() as server:
        url = server.new_database()
        migrate(url)
        records = open_records(url, keyring, chain="identity-1", poll_seconds=0.1)
        await records.start()
        heard: list[int] = []
        records.subscribe(lambda revocations: heard.extend(r.epoch for r in revocations))
        await records.write(publish)
        await asyncio.to_thread(server.stop)
        with pytest.raises(Unavailable):
            await records.write(publish)
        with pytest.raises(Unavailable):
            await records.read(lambda r: r.revocations.current_epoch())
        await asyncio.to_thread(server.start)
        assert await records.write(publish) == 2
        assert await records.read(lambda r: r.revocations.current_epoch()) == 2
        assert heard == [1, 2]
        await records.close()
