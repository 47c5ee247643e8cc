from __future__ import annotations

import logging

import pytest

from handfast.decision.reasons import Reason
from handfast.gateway.lessons import LESSONS, MAX_KINDS, Lessons, general_path
from handfast.gateway.refusal import Refusal
from handfast.protocols.http1.head import parse_request_head


def head(target="/new/thing?token=hunter2&x", *, fields="User-Agent: New/1\r\n"):
    return parse_request_head(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, logger="handfast.gateway.lessons")
    return caplog


def test_a_kind_is_told_when_new_and_at_each_tenfold_number(told):
    clock = iter(range(1_700_000_000, 1_700_001_000))
    lessons = Lessons("mail", lambda: next(clock))
    for number in range(100):
        fields = "Authorization: Basic YTpi\r\n" if number % 2 else ""
        lessons.note(Refusal(Reason.UNKNOWN_PATH, path="/new/thing"), head(fields=fields))
    assert [record.args[5] for record in told.records] == [1, 10, 100]
    text = told.messages[-1]
    assert "with_credentials=50" in text
    assert "first=2023-11-14T22:13:20Z last=2023-11-14T22:14:59Z" in text
    [lesson] = lessons.kinds.values()
    assert (lesson.count, lesson.first_seen, lesson.last_seen) == (100, 1_700_000_000, 1_700_000_099)


def test_a_sample_has_names_and_no_values(told):
    lessons = Lessons("mail")
    lessons.note(Refusal(Reason.QUERY_REFUSED, rule="ews", path="/ews/exchange.asmx"), head())
    assert "sample='/ews/exchange.asmx?token&x' agent='New/1'" in told.text
    assert "rule=ews" in told.text
    assert "hunter2" not in told.text


def test_people_and_numbers_make_no_new_kinds():
    assert (
        general_path("/a/bob@b.c/94a5c596-90a8-4985-91fd-57629ee06561/123456/12") == "/a/{mail}/{guid}/{n}/12"
    )


def test_kinds_are_bounded_and_the_rest_is_counted(told):
    lessons = Lessons("mail")
    for number in range(MAX_KINDS + 10):
        letters = f"{chr(97 + number % 26)}{chr(97 + number // 26)}"
        lessons.note(Refusal(Reason.UNKNOWN_PATH, path=f"/{letters}"), head())
    assert (len(lessons.kinds), lessons.uncounted) == (MAX_KINDS, 10)
    assert "learning mail: 10 refusals of further kinds" in told.messages


def test_an_agent_can_not_break_the_line(told):
    lessons = Lessons("mail")
    lessons.note(Refusal(Reason.UNKNOWN_PATH, path="/a"), head(fields="User-Agent: \xe4'\t x\r\n"))
    assert "\n" not in told.messages[0]
    assert "\t" not in told.messages[0]


def test_named_refusals_are_no_lessons():
    assert Reason.PATH_DENIED not in LESSONS
    assert Reason.MALFORMED_REQUEST not in LESSONS
