"""The contract of `RevocationLog` and `RevocationPublisher`."""

from __future__ import annotations

import asyncio

import pytest

from handfast.identity.records import Revocation, RevocationScope
from tests.fakes.clock import START


def publish(scope=RevocationScope.EVERYTHING, **fields):
    return lambda r: r.revocations.publish(scope, now=START, **fields)


async def test_epochs_rise_from_one(records) -> None:
    assert await records.read(lambda r: r.revocations.current_epoch()) == 0
    first = await records.write(publish(RevocationScope.PARTNERSHIP, account_id=1, device_id="DEV"))
    assert first == Revocation(1, RevocationScope.PARTNERSHIP, START, 1, "DEV")
    second = await records.write(publish(RevocationScope.STORED_SECRET, account_id=1, publication="mail"))
    third = await records.write(publish(RevocationScope.NODE, node="dmz1"))
    fourth = await records.write(publish(RevocationScope.APP_PASSWORD, app_password_id=4))
    assert await records.read(lambda r: r.revocations.current_epoch()) == 4
    assert list(await records.read(lambda r: r.revocations.since(1, limit=10))) == [second, third, fourth]
    assert list(await records.read(lambda r: r.revocations.since(0, limit=1))) == [first]


async def test_parallel_publishers_get_an_epoch_each(records) -> None:
    published = await asyncio.gather(*(records.write(publish()) for _ in range(100)))
    assert sorted(r.epoch for r in published) == list(range(1, 101))


async def test_listeners_hear_after_the_commit_in_order(records) -> None:
    heard: list[int] = []
    records.subscribe(lambda revocations: heard.extend(r.epoch for r in revocations))
    await asyncio.gather(*(records.write(publish()) for _ in range(20)))
    assert heard == list(range(1, 21)), "all were told before the writes returned"


async def test_a_work_that_fails_publishes_nothing(records) -> None:
    heard: list[Revocation] = []
    records.subscribe(heard.extend)

    def work(r):
        publish()(r)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await records.write(work)
    assert heard == []
    assert (await records.write(publish())).epoch == 1
    assert [r.epoch for r in heard] == [1]


async def test_who_unsubscribed_hears_nothing(records) -> None:
    heard: list[Revocation] = []
    records.subscribe(heard.extend)()
    await records.write(publish())
    assert heard == []
