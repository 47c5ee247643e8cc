"""The contract of `WindowRepository`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.records import EnrolmentWindow
from tests.fakes.clock import START

MINUTE = timedelta(minutes=1)


async def opened(records) -> EnrolmentWindow:
    def work(r):
        account = r.accounts.add(user="a", domain="D", upn="", display_name="", now=START)
        window = EnrolmentWindow(account.id, START, START + 10 * MINUTE, "uid:1000")
        r.windows.save(window)
        return window

    return await records.write(work)


async def test_a_window_comes_back_and_is_replaced(records) -> None:
    window = await opened(records)
    assert await records.read(lambda r: r.windows.find(window.account_id)) == window
    newer = replace(window, closes_at=START + 20 * MINUTE)
    await records.write(lambda r: r.windows.save(newer))
    assert await records.read(lambda r: r.windows.find(window.account_id)) == newer
    assert await records.read(lambda r: r.windows.find(window.account_id + 1)) is None


async def test_only_the_first_device_uses_it(records) -> None:
    window = await opened(records)
    assert await records.write(lambda r: r.windows.use(window.account_id, "ONE", START)) is True
    assert await records.write(lambda r: r.windows.use(window.account_id, "TWO", START)) is False
    assert (await records.read(lambda r: r.windows.find(window.account_id))).used_by_device_id == "ONE"


@pytest.mark.parametrize("offset", [-MINUTE, 10 * MINUTE, 11 * MINUTE])
async def test_a_window_that_is_not_open_lets_nobody_in(records, offset) -> None:
    window = await opened(records)
    assert await records.write(lambda r: r.windows.use(window.account_id, "ONE", START + offset)) is False


async def test_no_window_no_use(records) -> None:
    assert await records.write(lambda r: r.windows.use(7, "ONE", START)) is False
