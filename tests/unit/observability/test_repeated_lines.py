from __future__ import annotations

from dataclasses import replace

from handfast.decision.reasons import Reason
from handfast.observability.repeated_lines import RepeatedLines
from tests.unit.observability.test_decisions import DENIED

AGAIN = replace(DENIED, is_repeat=True)


def test_the_newest_stands_for_all_with_their_number():
    lines = RepeatedLines()
    for number in range(5):
        assert lines.add(replace(AGAIN, request_id=f"r{number}")) is None
    [told] = lines.take()
    assert (told.request_id, told.repeats) == ("r4", 5)
    assert lines.take() == []


def test_other_people_places_and_reasons_are_counted_apart():
    lines = RepeatedLines()
    for other in (
        {},
        {"source": "198.51.100.7"},
        {"login": "bob"},
        {"device_id": "P2"},
        {"publication": "other"},
        {"reason": Reason.ACCOUNT_UNKNOWN},
    ):
        lines.add(replace(AGAIN, **other))
    assert [one.repeats for one in lines.take()] == [1] * 6


def test_where_there_are_too_many_the_oldest_is_told_early():
    lines = RepeatedLines(max_kinds=2)
    lines.add(replace(AGAIN, login="a"))
    lines.add(replace(AGAIN, login="a"))
    lines.add(replace(AGAIN, login="b"))
    early = lines.add(replace(AGAIN, login="c"))
    assert early is not None
    assert (early.login, early.repeats) == ("a", 2)
    assert len(lines) == 2
