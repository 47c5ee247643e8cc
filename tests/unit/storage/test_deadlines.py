"""Waiting for a thread's answer, but not for ever."""

from __future__ import annotations

import asyncio

import pytest

from handfast.identity.ports import Unavailable
from handfast.storage.deadlines import by_deadline


async def test_an_answer_in_time_is_the_result() -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, 7)
    assert await by_deadline(future, 5.0) == 7


async def test_no_answer_in_time_is_unavailable() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with pytest.raises(Unavailable, match=r"longer than 0\.001 s"):
        await by_deadline(future, 0.001)


async def test_an_answer_at_the_last_moment_stands() -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    waiting = asyncio.ensure_future(by_deadline(future, 0.0))
    loop.call_soon(future.set_result, 7)
    assert await waiting == 7
