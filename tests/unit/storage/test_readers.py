"""Look-ups on the loop's own thread, and on a reader's where the file does not answer at once."""

from __future__ import annotations

import threading

from handfast.identity.ports import Unavailable


async def test_a_look_up_in_a_file_stays_on_the_loop(open_sqlite) -> None:
    records = await open_sqlite()
    here = threading.get_ident()
    assert await records.look_up(lambda _: threading.get_ident()) == here
    assert await records.read(lambda _: threading.get_ident()) != here


async def test_a_look_up_that_is_not_answered_at_once_waits_on_another_thread(open_sqlite) -> None:
    records = await open_sqlite()
    here = threading.get_ident()

    def locked_here(_repositories) -> int:
        if threading.get_ident() == here:
            raise Unavailable("database is locked")
        return threading.get_ident()

    assert await records.look_up(locked_here) != here
