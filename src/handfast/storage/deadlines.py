"""Waiting for a thread's answer, but not for ever."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from handfast.identity.ports import Unavailable

T = TypeVar("T")


async def by_deadline(future: asyncio.Future[T], seconds: float) -> T:
    """The future's result. Raises: Unavailable after so many seconds, and whatever the future holds.

    A timer of its own: `asyncio.wait` makes callbacks and a set of them for each wait, and a sign-in waits here.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _give_up, future, seconds)
    try:
        return await future
    finally:
        timer.cancel()


def _give_up(future: asyncio.Future[T], seconds: float) -> None:
    if not future.done():
        future.set_exception(Unavailable(f"the database took longer than {seconds} s"))
