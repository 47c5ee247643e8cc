from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.autodiscover.json_query import JSON_PATH, JsonQuery, parse_json_query
from handfast.protocols.errors import MalformedMessage


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        (JSON_PATH, "Email=alice%40lab.test&Protocol=Ews", JsonQuery("alice@lab.test", "Ews")),
        (
            JSON_PATH,
            "email=alice@lab.test&protocol=ActiveSync&RedirectCount=1",
            JsonQuery("alice@lab.test", "ActiveSync"),
        ),
        ("/Autodiscover/Autodiscover.json", "Protocol=AutodiscoverV1", JsonQuery("", "AutodiscoverV1")),
        (f"{JSON_PATH}/v1.0/alice@lab.test", "Protocol=Rest", JsonQuery("alice@lab.test", "Rest")),
        (f"{JSON_PATH}/v1.0/alice@lab.test", "", JsonQuery("alice@lab.test", "")),
        (JSON_PATH, "Email=&Protocol=", JsonQuery("", "")),
    ],
)
def test_both_forms_are_read(path, query, expected):
    assert parse_json_query(path, query) == expected


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (JSON_PATH, "@evil.test/owa/?&Email=autodiscover/autodiscover.json%3F@evil.test"),
        (JSON_PATH, "a@evil.test/mapi/nspi/?&Email=x@lab.test"),
        (JSON_PATH, "Email=autodiscover/autodiscover.json%3f@evil.test&Protocol=Ews"),
        (JSON_PATH, "Email=a@lab.test&Protocol=Powershell/../x"),
        (JSON_PATH, "Email=a@lab.test&Protocol=%0d%0aX"),
        (JSON_PATH, "Email=a@lab.test&Email=b@lab.test"),
        (JSON_PATH, "Email=a@lab.test&X-Rps-CAT=x"),
        (JSON_PATH, "Email=%ff@lab.test"),
        (JSON_PATH, "RedirectCount=x"),
        (JSON_PATH, "Email"),
        (JSON_PATH, "&"),
        (JSON_PATH, "Protocol=" + "a" * 41),
        (JSON_PATH, "Email=" + "a" * 1100),
        (f"{JSON_PATH}/v1.0/a@lab.test", "Email=b@lab.test"),
        (f"{JSON_PATH}/v1.0/a@lab.test/x", ""),
        (f"{JSON_PATH}/v2.0/a@lab.test", ""),
        (f"{JSON_PATH}/v1.0/alice", ""),
        (f"{JSON_PATH}/@evil.test", ""),
        (f"{JSON_PATH}x", ""),
        ("/autodiscover/autodiscover.xml", ""),
    ],
)
def test_path_confusion_and_the_like_is_refused(path, query):
    with pytest.raises(MalformedMessage):
        parse_json_query(path, query)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_question_or_a_malformed_message(path, query):
    for where in (path, JSON_PATH, f"{JSON_PATH}/v1.0/{path}"):
        try:
            found = parse_json_query(where, query)
        except MalformedMessage:
            continue
        assert isinstance(found, JsonQuery)
