"""Mutated real documents through the WBXML codec and every reader on top of it: a value or `MalformedMessage`.

`HANDFAST_FUZZ_EXAMPLES` (default 300) says how long; nightly runs set it high.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from handfast.protocols.activesync import device_information, notice_mailbox, sync_keys
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.notice_message import VERSIONS, Notice
from handfast.protocols.activesync.provision_answer import encode_provision_answer, parse_provision_answer
from handfast.protocols.activesync.provision_request import (
    encode_provision_request,
    parse_provision_request,
)
from handfast.protocols.activesync.settings_answer import encode_settings_answer, parse_settings_answer
from handfast.protocols.activesync.status_answer import has_status, parse_status_answer
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "activesync" / "wbxml.json").read_text())
EXAMPLES = int(os.environ.get("HANDFAST_FUZZ_EXAMPLES", "300"))
NOTICE = Notice("Waiting", "Please wait.", "a@b.example", "c@d.example", datetime(2026, 1, 2, tzinfo=UTC))
TOLD = device_information.DeviceInformation(model="Phone", os="X 1", enable_outbound_sms=True)
SAMPLES = [
    *(bytes.fromhex(vector["hex"]) for vector in VECTORS),
    device_information.encode_device_information(TOLD),
    notice_mailbox.encode_notice_folders("0"),
    *(
        notice_mailbox.encode_notice_sync(
            [sync_keys.SyncCollection(notice_mailbox.INBOX_ID, key)], NOTICE, version
        )
        for key in ("0", notice_mailbox.EMPTY_INBOX_KEY)
        for version in VERSIONS
    ),
]
HEADER = b"\x03\x01\x6a\x00"
# The pieces a document is made of, and pieces it may not have.
PIECES = [
    *(bytes([0, page]) for page in (0, 2, 7, 14, 17, 18, 25, 26, 254)),
    *(bytes([token]) for token in (0x01, 0x05, 0x06, 0x45, 0x46, 0x47, 0x4B, 0x4C, 0x56, 0x7B, 0x3F, 0x7F)),
    *(bytes([token]) for token in (0x02, 0x04, 0x40, 0x43, 0x80, 0x83, 0x84, 0xC0, 0xC4, 0xFF)),
    *(b"\x031\x00", b"\x03\x00", b"\x034294967296\x00", b"\x03\xff\x00", b"\x03unterminated"),
    *(b"\xc3\x00", b"\xc3\x02ab", b"\xc3\x8f\xff\xff\xff\x7f", b"\xc3\x80\x80\x80\x80\x80\x01"),
]
READERS = [
    device_information.parse_device_information,
    parse_provision_request,
    parse_provision_answer,
    parse_settings_answer,
    sync_keys.parse_folder_sync_key,
    sync_keys.parse_sync_collections,
    *(
        lambda body, command=command: parse_status_answer(command, body)
        for command in Command
        if has_status(command)
    ),
]


@st.composite
def mutated(draw):
    """A sample with up to six pieces overwritten, cut out, put in or doubled."""
    document = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(document)))
        cut = draw(st.integers(0, 8))
        piece = draw(st.binary(max_size=8) | st.sampled_from(PIECES) | st.just(document[at : at + 20]))
        document = document[:at] + piece + document[at + cut :]
    return document


DOCUMENTS = mutated() | st.lists(st.sampled_from(PIECES), max_size=30).map(
    lambda all_: HEADER + b"".join(all_)
)


def test_there_are_samples():
    assert len(SAMPLES) > 25
    for sample in SAMPLES:
        assert encode(decode(sample)) == sample


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
@example(HEADER + b"\x45" * 100 + b"\x01" * 100)
def test_what_is_decoded_is_encoded_again(document):
    try:
        element = decode(document)
    except MalformedMessage as refused:
        assert len(str(refused)) < 400  # noqa: PT017 - the refusal itself is the result
        return
    again = encode(element)
    assert decode(again) == element
    assert encode(decode(again)) == again


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_every_reader_gives_a_value_or_refuses(document):
    for read in READERS:
        try:
            read(document)
        except MalformedMessage as refused:
            assert len(str(refused)) < 400  # noqa: PT017 - the refusal itself is the result


@pytest.mark.parametrize(
    ("parse", "write"),
    [
        (parse_provision_request, encode_provision_request),
        (parse_provision_answer, encode_provision_answer),
        (parse_settings_answer, encode_settings_answer),
    ],
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=DOCUMENTS)
def test_what_is_read_can_be_said(parse, write, document):
    """Reading loses what the product does not need; what it keeps is a message of its own, read as the same again."""
    try:
        value = parse(document)
    except MalformedMessage:
        return
    assert parse(write(value)) == value
