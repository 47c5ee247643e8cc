import asyncio

import pytest

from handfast.gateway.wheel import NEVER, TimerWheel


class Item:
    def __init__(self):
        self.deadline, self.wheel_slot, self.fired = NEVER, 0, []

    def on_deadline(self, now):
        self.fired.append(now)


@pytest.mark.alone
async def test_a_deadline_fires_once_and_not_before():
    loop = asyncio.get_running_loop()
    wheel, item = TimerWheel(loop), Item()
    due = loop.time() + 0.3
    wheel.watch(item, due)
    async with asyncio.timeout(20):
        while not item.fired:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.8)  # the wheel goes on turning
    assert len(item.fired) == 1
    assert due <= item.fired[0] < due + 0.6
    assert item.deadline == NEVER
    wheel.stop()


async def test_the_last_deadline_counts_earlier_later_and_never():
    loop = asyncio.get_running_loop()
    wheel, earlier, later, never = TimerWheel(loop), Item(), Item(), Item()
    wheel.watch(earlier, loop.time() + 500)
    wheel.watch(earlier, loop.time() + 0.1)
    wheel.watch(later, loop.time() + 0.1)
    wheel.watch(later, loop.time() + 500)
    wheel.watch(never, loop.time() + 0.1)
    never.deadline = NEVER
    async with asyncio.timeout(20):
        while not earlier.fired or never.wheel_slot != 0:
            await asyncio.sleep(0.01)
    assert (len(earlier.fired), later.fired, never.fired) == (1, [], [])
    assert later.wheel_slot != 0
    assert never.wheel_slot == 0
    wheel.stop()
