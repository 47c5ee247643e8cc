from __future__ import annotations

import asyncio

import pytest

from handfast.app.shared_work import SharedTasks


async def test_equal_work_is_done_once_at_a_time():
    shared, begun, go = SharedTasks(), [], asyncio.Event()

    async def work():
        begun.append(1)
        await go.wait()
        return len(begun)

    waiting = [asyncio.ensure_future(shared.share("a", work)) for _ in range(3)]
    other = asyncio.ensure_future(shared.share("b", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(begun) == 2
    go.set()
    assert await asyncio.gather(*waiting) == [2, 2, 2]
    assert await other == 2
    assert await shared.share("a", work) == 3


async def test_everybody_hears_what_went_wrong():
    shared = SharedTasks()

    async def fail():
        await asyncio.sleep(0)
        raise ValueError("nobody answers")

    told = await asyncio.gather(*(shared.share("a", fail) for _ in range(2)), return_exceptions=True)
    assert [str(one) for one in told] == ["nobody answers"] * 2


async def test_what_was_begun_is_finished_though_nobody_waits():
    shared, done, go = SharedTasks(), [], asyncio.Event()

    async def work():
        await go.wait()
        done.append(1)
        raise ValueError("nobody hears")

    waiting = asyncio.ensure_future(shared.share("a", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()
    await shared.finish()
    assert done == [1]


async def test_at_the_end_nothing_is_waited_for_for_ever():
    shared = SharedTasks()
    waiting = asyncio.ensure_future(shared.share("a", asyncio.Event().wait))
    await asyncio.sleep(0)
    await shared.finish(deadline_seconds=0.01)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await shared.finish()


async def test_work_anew_begins_after_whoever_asked_for_it_came():
    shared, begun, ended = SharedTasks(), [], asyncio.Semaphore(0)

    async def work():
        number = len(begun)
        begun.append(number)
        await ended.acquire()
        return number

    first = asyncio.ensure_future(shared.share_anew("a", work))
    await asyncio.sleep(0.001)
    later = [asyncio.ensure_future(shared.share_anew("a", work)) for _ in range(3)]
    await asyncio.sleep(0.001)
    assert begun == [0]
    ended.release()
    assert await first == 0
    ended.release()
    assert await asyncio.gather(*later) == [1, 1, 1]


async def test_nobody_waits_for_ever_and_the_work_goes_on():
    shared, go, done = SharedTasks(patience_seconds=0.01), asyncio.Event(), []

    async def work():
        await go.wait()
        done.append(1)

    for share in (shared.share, shared.share_anew):
        with pytest.raises(TimeoutError):
            await share("a", work)
    go.set()
    await shared.finish()
    assert done == [1]
