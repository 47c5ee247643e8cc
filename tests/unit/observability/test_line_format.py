import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.observability.line_format import MAX_VALUE_CHARACTERS, format_time, format_value


@given(st.text(alphabet=st.characters()))
def test_a_value_is_one_printable_ascii_word_or_json_string(value: str):
    shown = format_value(value)
    assert re.fullmatch(r"[ -~]+", shown)
    if shown.startswith('"'):
        read = json.loads(shown)
        assert read == value or (len(value) > MAX_VALUE_CHARACTERS and read.endswith("..."))
    else:
        assert shown == value
        assert not set(shown) & set(' "=\\')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("alice", "alice"),
        ("EX\\alice", '"EX\\\\alice"'),
        ("", '""'),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ("a\nb", '"a\\nb"'),
        ("\x7f", '"\\u007f"'),
        ("\u202e", '"\\u202e"'),
        (None, "-"),
        (True, "true"),
        (False, "false"),
        (17, "17"),
        (("a", 1), "\"('a', 1)\""),
    ],
)
def test_examples(value, shown):
    assert format_value(value) == shown


def test_long_values_are_cut():
    assert len(format_value("x" * 100000)) == MAX_VALUE_CHARACTERS + 2


def test_times_are_utc_with_milliseconds():
    assert format_time(1767225600.0) == "2026-01-01T00:00:00.000Z"
    assert format_time(1767225599.999) == "2025-12-31T23:59:59.999Z"
