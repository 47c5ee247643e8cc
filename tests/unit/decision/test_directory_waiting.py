from __future__ import annotations

import contextlib

import pytest

from handfast.decision.directory_waiting import FRESH, MAX_ASKING, MAX_LOOKING, DirectoryWaiting
from handfast.identity_api.client_pool import MAX_CONNECTIONS
from tests.fakes.one_phone import NOW


def test_some_of_a_gateways_connections_to_identity_stay_free():
    assert MAX_ASKING + MAX_LOOKING <= MAX_CONNECTIONS * 3 / 4


def test_as_many_may_ask_as_there_is_room_for_and_leave_it_however_it_ends():
    waiting = DirectoryWaiting(max_asking=2)
    with waiting.asking():
        assert not waiting.is_closed(NOW)
        with waiting.asking():
            assert waiting.is_closed(NOW)
        with contextlib.suppress(ZeroDivisionError), waiting.asking():
            raise ZeroDivisionError
        assert not waiting.is_closed(NOW)


@pytest.mark.parametrize(("heard", "is_closed"), [(None, True), (FRESH, True), (FRESH / 2, False)])
def test_many_who_look_close_it_only_where_nobody_answers(heard, is_closed):
    waiting = DirectoryWaiting(max_looking=1)
    if heard is not None:
        waiting.heard(NOW - heard)
    assert (waiting.has_many_looking, waiting.is_closed(NOW)) == (False, False)
    with waiting.looking():
        assert (waiting.has_many_looking, waiting.is_closed(NOW)) == (True, is_closed)
    assert (waiting.has_many_looking, waiting.is_closed(NOW)) == (False, False)
