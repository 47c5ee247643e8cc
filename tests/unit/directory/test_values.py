from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.directory import values
from handfast.protocols.errors import MalformedMessage

NEVER = b"9223372036854775807"


@pytest.mark.parametrize("value", [b"0", b"-1", b"514", NEVER, b"-9223372036854775808"])
def test_numbers(value):
    assert values.parse_number(value, "x") == int(value)


@pytest.mark.parametrize(
    "value",
    [b"", b"-", b"1.5", b" 1", b"1 ", b"+1", b"0x10", b"9223372036854775808", b"1" * 20, "١".encode()],
)
def test_no_numbers(value):
    with pytest.raises(MalformedMessage, match="64-bit"):
        values.parse_number(value, "x")


@pytest.mark.parametrize(
    ("value", "when"),
    [
        (b"0", values.BEGINNING),
        (b"132223104000000000", datetime(2020, 1, 1, tzinfo=UTC)),
        (b"132223104000000009", datetime(2020, 1, 1, tzinfo=UTC)),
        (b"2650467743999999990", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        (b"2650467744000000000", values.FOREVER),
        (NEVER, values.FOREVER),
    ],
)
def test_filetimes(value, when):
    assert values.parse_filetime(value, "x") == when


def test_no_time_is_before_1601():
    with pytest.raises(MalformedMessage, match="before 1601"):
        values.parse_filetime(b"-1", "x")


@given(st.datetimes(min_value=datetime(1601, 1, 1), timezones=st.just(UTC)))
def test_every_moment_comes_back(when):
    units = (when - values.BEGINNING) // timedelta(microseconds=1) * 10
    assert values.parse_filetime(str(units).encode(), "x") == when


@pytest.mark.parametrize(("value", "expected"), [(b"0", True), (NEVER, True), (b"1", False), (b"-1", False)])
def test_never(value, expected):
    assert values.is_never(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"-18000000000", timedelta(minutes=30)),
        (b"0", None),
        (b"-9223372036854775808", None),
        (b"-9223372036854775807", timedelta(microseconds=922337203685477580)),
    ],
)
def test_durations(value, expected):
    assert values.parse_duration(value, "x") == expected


@pytest.mark.parametrize(
    ("value", "window"),
    [
        (b"0", timedelta(0)),
        (b"-18000000000", timedelta(minutes=30)),
        (b"-9223372036854775808", values.MAX_WINDOW),
        (b"-9223372036854775807", values.MAX_WINDOW),
    ],
)
def test_a_window_without_end_is_no_short_one(value, window):
    assert values.parse_window(value, "x") == window
    assert datetime.now(UTC) + window


def test_a_duration_is_never_positive():
    with pytest.raises(MalformedMessage, match="not positive"):
        values.parse_duration(b"1", "x")


@pytest.mark.parametrize("value", [b"20261121034103.0Z", b"20261121034103Z", b"20261121034103,123Z"])
def test_generalized_times(value):
    assert values.parse_generalized_time(value, "x") == datetime(2026, 11, 21, 3, 41, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [b"", b"20261121034103", b"20261321034103Z", b"2026-11-21", b"20261121034103+0100"]
)
def test_no_generalized_times(value):
    with pytest.raises(MalformedMessage, match="not a time in UTC"):
        values.parse_generalized_time(value, "x")


@pytest.mark.parametrize(
    ("value", "sid"),
    [
        (
            "01 05 000000000005 15000000 c863771d 12c2296e 41324e6e 60040000",
            "S-1-5-21-494363592-1848230418-1850618433-1120",
        ),
        ("01 02 000000000005 20000000 21020000", "S-1-5-32-545"),
        ("01 01 000000000001 00000000", "S-1-1-0"),
        ("01 00 000000000005", "S-1-5"),
    ],
)
def test_sids(value, sid):
    assert values.parse_sid(bytes.fromhex(value)) == sid


@pytest.mark.parametrize(
    "value",
    [
        "",
        "01",
        "01 01 000000000005",
        "02 01 000000000001 00000000",
        "01 10 000000000005" + "00" * 64,
        "01 01 000000000001 0000000000",
    ],
)
def test_no_sids(value):
    with pytest.raises(MalformedMessage, match="not a security identifier"):
        values.parse_sid(bytes.fromhex(value))


@given(st.uuids())
def test_guids(guid: UUID):
    assert values.parse_guid(guid.bytes_le, "x") == str(guid)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_no_guids(length):
    with pytest.raises(MalformedMessage, match="not 16 bytes"):
        values.parse_guid(b"x" * length, "x")


@pytest.mark.parametrize(
    "text", ["", "alice", "Jörg O'Neil", "山田 太郎", "Smith, John (Sales) \\ Co", "e\u0301"]
)
def test_texts(text):
    assert values.parse_text(text.encode(), "x") == text


@pytest.mark.parametrize(
    "value", [b"\xff", b"a\0b", b"a\nb", b"a\x7fb", "a\x85b".encode(), b"\xed\xa0\x80", b"x" * 4097]
)
def test_no_texts(value):
    with pytest.raises(MalformedMessage):
        values.parse_text(value, "x")
