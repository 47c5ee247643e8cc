from __future__ import annotations

import contextlib

import pytest

from handfast.decision.directory_waiting import FRESH, MAX_ASKING, MAX_LOOKING, DirectoryWaiting
from handfast.identity_api.client_pool import MAX_CONNECTIONS
from tests.fakes.one_phone import NOW

HERE, THERE = "192.0.2.1", "192.0.2.2"


def test_some_of_a_gateways_connections_to_identity_stay_free():
    assert MAX_ASKING + MAX_LOOKING <= MAX_CONNECTIONS * 3 / 4


def test_as_many_may_ask_as_there_is_room_for_and_leave_it_however_it_ends():
    waiting = DirectoryWaiting(max_asking=2)
    with waiting.asking(HERE):
        assert not waiting.is_closed(NOW, THERE)
        with waiting.asking(THERE):
            assert waiting.is_closed(NOW, "198.51.100.1")
        with contextlib.suppress(ZeroDivisionError), waiting.asking(THERE):
            raise ZeroDivisionError
        assert not waiting.is_closed(NOW, THERE)


def test_one_source_leaves_half_to_the_others_and_the_next_one_half_of_the_rest():
    waiting, held = DirectoryWaiting(), {}
    with contextlib.ExitStack() as stack:
        for source in ("a", "b", "c", "d"):
            while not waiting.is_closed(NOW, source):
                stack.enter_context(waiting.asking(source))
                held[source] = held.get(source, 0) + 1
        assert held == {"a": 8, "b": 4, "c": 2, "d": 1}
        assert not waiting.is_closed(NOW, "e")
    assert not waiting.is_closed(NOW, "a")


def test_the_last_password_that_was_sent_says_whether_passwords_are_answered():
    waiting = DirectoryWaiting()
    assert not waiting.is_password_lost
    waiting.password_lost()
    assert waiting.is_password_lost
    waiting.password_answered()
    assert not waiting.is_password_lost


@pytest.mark.parametrize(
    ("heard", "is_closed"), [(None, True), (FRESH, True), (FRESH / 2, False), (-FRESH / 2, True)]
)
def test_many_who_look_close_it_only_where_nobody_answers(heard, is_closed):
    waiting = DirectoryWaiting(max_looking=1)
    if heard is not None:
        waiting.heard(NOW - heard)
    assert (waiting.has_many_looking, waiting.is_closed(NOW, HERE)) == (False, False)
    with waiting.looking():
        assert (waiting.has_many_looking, waiting.is_closed(NOW, HERE)) == (True, is_closed)
    assert (waiting.has_many_looking, waiting.is_closed(NOW, HERE)) == (False, False)
