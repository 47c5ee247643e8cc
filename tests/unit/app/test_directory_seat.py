from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from handfast.app.directory_seat import POLLS, ReaderSeat
from handfast.identity.ports import Unavailable
from tests.fakes.clock import SettableClock
from tests.fakes.records import InMemoryRecords


class Site:
    """Two identities on the same records."""

    def __init__(self) -> None:
        self.records, self.clock = InMemoryRecords(), SettableClock()
        self.one, self.two = (self.seat(name, self.clock) for name in ("one", "two"))

    def seat(self, name, clock):
        return ReaderSeat(self.records, clock, name, self.clock.monotonic)


@pytest.fixture
def site():
    return Site()


async def test_it_is_new_until_a_reading_was_stored_to_its_end(site):
    for _ in range(2):
        readership, is_new = await site.one.take(15)
        assert is_new
    site.one.note_read(readership)
    assert (await site.one.take(15))[1] is False


async def test_the_other_one_waits_takes_over_and_has_to_read_everything(site):
    site.one.note_read((await site.one.take(15))[0])
    assert await site.two.take(15) is None
    site.clock.advance(seconds=15 * POLLS)
    readership, is_new = await site.two.take(15)
    assert is_new
    site.two.note_read(readership)
    assert await site.one.take(15) is None
    await site.two.leave()
    assert (await site.one.take(15))[1] is True


@pytest.mark.parametrize("ahead", [-1, 1])
async def test_identities_whose_clocks_are_apart_leave_each_other_the_seat(site, ahead):
    other_clock = SettableClock(site.clock.now() + timedelta(hours=ahead))
    other = site.seat("other", other_clock)
    for _ in range(20):
        readership, _ = await site.one.take(15)
        assert readership.term == 1
        assert await other.take(15) is None
        for clock in (site.clock, other_clock):
            clock.advance(seconds=15)
    for clock in (site.clock, other_clock):
        clock.advance(seconds=15 * (POLLS - 1))
    assert (await other.take(15))[0].term == 2
    assert await site.one.take(15) is None


async def test_who_leaves_and_meets_nobody_need_not_begin_anew(site):
    site.one.note_read((await site.one.take(15))[0])
    await site.one.leave()
    assert (await site.one.take(15))[1] is False


async def test_a_long_reading_keeps_its_seat_whatever_the_records_do_meanwhile(site):
    await site.one.take(0.01)
    async with site.one.kept(0.01), asyncio.timeout(20):
        for is_unavailable in (False, True, False):
            site.records.unavailable = is_unavailable
            if is_unavailable:
                await asyncio.sleep(0.05)
                continue
            site.clock.advance(seconds=60)
            while site.records.tables.readership.ends_at <= site.clock.now():
                await asyncio.sleep(0.005)
            assert await site.two.take(0.01) is None
    ended_at = site.records.tables.readership.ends_at
    site.clock.advance(seconds=60)
    await asyncio.sleep(0.03)
    assert site.records.tables.readership.ends_at == ended_at


async def test_records_that_do_not_answer_keep_nobody_from_leaving(site):
    await site.one.take(15)
    site.records.unavailable = True
    await site.one.leave()
    with pytest.raises(Unavailable):
        await site.one.take(15)
