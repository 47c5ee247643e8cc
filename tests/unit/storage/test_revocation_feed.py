"""The feed: in order, without gaps or repeats, whatever fails on the way."""

from __future__ import annotations

import asyncio

from handfast.identity.ports import Unavailable
from handfast.identity.records import Revocation, RevocationScope
from handfast.storage.revocation_feed import RevocationFeed
from tests.fakes.clock import START


def revocation(epoch: int) -> Revocation:
    return Revocation(epoch, RevocationScope.EVERYTHING, START)


class Table:
    def __init__(self) -> None:
        self.rows: list[Revocation] = []
        self.fails = 0

    async def since(self, epoch: int, limit: int):
        if self.fails:
            self.fails -= 1
            raise Unavailable("away")
        return [row for row in self.rows if row.epoch > epoch][:limit]


async def heard_of(feed: RevocationFeed, heard: list[int], count: int) -> None:
    async with asyncio.timeout(20):
        while len(heard) < count:
            await asyncio.sleep(0.005)
    await feed.close()


async def test_a_commit_that_overtook_another_waits_for_it() -> None:
    table, heard = Table(), []
    feed = RevocationFeed(table.since, poll_seconds=60)
    feed.subscribe(lambda revocations: heard.extend(r.epoch for r in revocations))
    feed.start(10)
    table.rows = [revocation(n) for n in range(1, 14)]
    feed.committed([revocation(12), revocation(13)])
    assert heard == []
    await heard_of(feed, heard, 3)
    assert heard == [11, 12, 13]


async def test_what_was_told_at_once_is_not_told_again() -> None:
    table, heard = Table(), []
    feed = RevocationFeed(table.since, poll_seconds=0.01)
    feed.subscribe(lambda revocations: heard.extend(r.epoch for r in revocations))
    feed.start(0)
    table.rows = [revocation(1)]
    feed.committed(table.rows)
    assert heard == [1]
    await asyncio.sleep(0.05)
    table.rows = [*table.rows, revocation(2)]
    await heard_of(feed, heard, 2)
    assert heard == [1, 2]


async def test_polling_goes_on_after_trouble_and_a_faulty_listener() -> None:
    table, heard, faults = Table(), [], []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
    feed = RevocationFeed(table.since, poll_seconds=0.01)
    feed.subscribe(lambda revocations: 1 // 0)
    feed.subscribe(lambda revocations: heard.extend(r.epoch for r in revocations))
    table.fails = 3
    table.rows = [revocation(1)]
    feed.start(0)
    await heard_of(feed, heard, 1)
    assert heard == [1]
    assert [type(fault) for fault in faults] == [ZeroDivisionError]
    assert table.fails == 0
