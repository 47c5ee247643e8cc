"""The notice as each protocol version wants it."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.notice_message import (
    MAX_TEXT_CHARACTERS,
    VERSIONS,
    Notice,
    application_data,
    supports,
)
from handfast.protocols.activesync.wbxml import decode, encode

NOTICE = Notice(
    "Your phone is waiting",
    "An administrator\nhas to say yes.\r\n",
    "Handfast <handfast@contoso.example>",
    "alice@contoso.example",
    datetime(2026, 1, 2, 4, 4, 5, 678901, tzinfo=timezone(timedelta(hours=1))),
)
PAGES = {
    "2.5": {"Email"},
    "12.0": {"Email", "AirSyncBase"},
    "12.1": {"Email", "AirSyncBase"},
    "14.0": {"Email", "AirSyncBase", "Email2"},
    "14.1": {"Email", "AirSyncBase", "Email2"},
    "16.0": {"Email", "AirSyncBase", "Email2"},
    "16.1": {"Email", "AirSyncBase", "Email2"},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_a_version_knows(version):
    data = application_data(NOTICE, version)
    assert {child.page for child in data.children} == PAGES[version]
    assert (data.first("IsDraft") is not None) == (version in ("16.0", "16.1"))
    assert decode(encode(data)) == data


@pytest.mark.parametrize("version", VERSIONS)
def test_the_header(version):
    data = application_data(NOTICE, version)
    assert data.text_at("Subject") == data.text_at("ThreadTopic") == "Your phone is waiting"
    assert data.text_at("From") == "Handfast <handfast@contoso.example>"
    assert data.text_at("To") == data.text_at("DisplayTo") == "alice@contoso.example"
    assert data.text_at("DateReceived") == "2026-01-02T03:04:05.000Z"
    assert data.number_at("Read") == 0
    assert data.text_at("MessageClass") == "IPM.Note"


TEXT = "An administrator\r\nhas to say yes."


def test_the_body_of_version_2_5():
    data = application_data(NOTICE, "2.5")
    assert data.text_at("Body") == TEXT
    assert data.number_at("BodySize") == len(TEXT)
    assert data.number_at("BodyTruncated") == 0


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_the_body_since_version_12(version):
    body = application_data(NOTICE, version).first("Body")
    assert body.text_at("Data") == TEXT
    assert (body.number_at("Type"), body.number_at("EstimatedDataSize"), body.number_at("Truncated")) == (
        1,
        len(TEXT),
        0,
    )


def test_the_size_is_in_bytes():
    notice = dataclasses.replace(NOTICE, text="ü€")
    assert application_data(notice, "16.1").first("Body").number_at("EstimatedDataSize") == 5
    assert application_data(notice, "2.5").number_at("BodySize") == 5


def test_a_message_belongs_to_a_conversation_since_14():
    # The upper bytes of the time without the first, as MS-ASCON 2.2.2.4 has it: 2009-09-03 is 01CA2CFA8A23....
    filetime = 0x01CA2CFA8A23 << 16
    sent = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=filetime // 10 + 1)
    data = application_data(dataclasses.replace(NOTICE, received=sent), "14.0")
    assert sent.year == 2009
    assert data.first("ConversationIndex").opaque.hex() == "ca2cfa8a23"
    assert len(data.first("ConversationId").opaque) == 16


def test_versions():
    assert supports("16.1", "16.1")
    assert supports("12.0", "2.5")
    assert not supports("14.1", "16.0")
    for version in ("13.0", "", "16.2"):
        with pytest.raises(ValueError):
            application_data(NOTICE, version)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": ""},
        {"subject": "x" * 256},
        {"subject": "a\nBcc: b"},
        {"sender": "a\r\nb"},
        {"sender": ""},
        {"recipient": "x" * 321},
        {"text": "x" * (MAX_TEXT_CHARACTERS + 1)},
        {"text": "a\x00b"},
        {"received": datetime(2026, 1, 1)},
    ],
)
def test_what_is_no_notice(wrong):
    with pytest.raises(ValueError):
        dataclasses.replace(NOTICE, **wrong)


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200)


@given(TEXTS, st.sampled_from(VERSIONS))
def test_any_text_is_carried(text, version):
    data = decode(encode(application_data(dataclasses.replace(NOTICE, text=text), version)))
    carried = data.text_at("Body") if version == "2.5" else data.text_at("Body", "Data")
    assert carried.split("\r\n") == (text.splitlines() or [""])
