import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.fields import (
    MAX_MESSAGE_BYTES,
    MAX_NAME_BYTES,
    PayloadWriter,
    decode_name,
    encode_name,
    message_type,
    read_field,
    require_message,
)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_the_three_types(kind):
    assert message_type(b"NTLMSSP\x00" + struct.pack("<I", kind)) == kind


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Signature"),
        (b"NTLMSSQ\x00\x01\x00\x00\x00", "Signature"),
        (b"NTLMSSP\x00\x01\x00\x00", "MessageType"),
        (b"NTLMSSP\x00\x00\x00\x00\x00", "MessageType"),
        (b"NTLMSSP\x00\x04\x00\x00\x00", "MessageType"),
        (b"NTLMSSP\x00\x01\x00\x00\x01", "MessageType"),
        (b"NTLMSSP\x00\x01\x00\x00\x00" + bytes(MAX_MESSAGE_BYTES), "message"),
    ],
)
def test_what_is_no_message(data, said):
    with pytest.raises(MalformedMessage) as refused:
        message_type(data)
    assert (refused.value.protocol, refused.value.field) == ("ntlm", said)


def test_another_type_than_due():
    with pytest.raises(MalformedMessage, match="1 where NAME"):
        require_message(b"NTLMSSP\x00\x01\x00\x00\x00", 3, "NAME", 12, "2.2")


def test_fixed_part_missing():
    with pytest.raises(MalformedMessage, match="fewer than its fixed 16"):
        require_message(b"NTLMSSP\x00\x01\x00\x00\x00", 1, "NAME", 16, "2.2")


def field_at_start(length, offset, payload=b"payload!"):
    return struct.pack("<HHI", length, length, offset) + payload


def test_a_field_is_read_where_it_lies():
    assert read_field(field_at_start(3, 9), 0, "F", 8) == (b"ayl", 9)
    assert read_field(field_at_start(8, 8), 0, "F", 8) == (b"payload!", 8)


@pytest.mark.parametrize("offset", [0, 7, 8, 16, 17, 0xFFFFFFFF])
def test_an_empty_field_may_point_anywhere(offset):
    assert read_field(field_at_start(0, offset), 0, "F", 8) == (b"", None)


@pytest.mark.parametrize(
    ("length", "offset"), [(1, 7), (1, 16), (9, 8), (2, 15), (0xFFFF, 8), (1, 0xFFFFFFFF)]
)
def test_a_field_outside_the_payload(length, offset):
    with pytest.raises(MalformedMessage, match="do not lie in the payload"):
        read_field(field_at_start(length, offset), 0, "F", 8)


def test_oem_names_are_utf8_else_latin1():
    assert decode_name("jürgen".encode(), "N", is_unicode=False) == "jürgen"
    assert decode_name("jürgen".encode("latin-1"), "N", is_unicode=False) == "jürgen"


@pytest.mark.parametrize(
    ("raw", "is_unicode"),
    [
        (b"a", True),
        (b"\x00\xd8", True),
        (b"\x00\xd8a\x00", True),
        (b"a\x00\x00\x00", True),
        (b"a\nb", False),
        (b"a\x85b", False),
        (b"a" * (MAX_NAME_BYTES + 1), False),
        (b"a\x00" * (MAX_NAME_BYTES // 2 + 1), True),
    ],
)
def test_names_refused(raw, is_unicode):
    with pytest.raises(MalformedMessage):
        decode_name(raw, "N", is_unicode=is_unicode)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=200), st.booleans())
def test_names_round_trip(text, is_unicode):
    assert decode_name(encode_name(text, is_unicode=is_unicode), "N", is_unicode=is_unicode) == text


def test_the_writer_tells_where_each_field_is():
    writer = PayloadWriter(64)
    assert writer.add(b"abc") == struct.pack("<HHI", 3, 3, 64)
    assert writer.add(b"") == struct.pack("<HHI", 0, 0, 67)
    assert writer.add(b"de") == struct.pack("<HHI", 2, 2, 67)
    assert writer.payload == b"abcde"


def test_the_writer_refuses_what_no_header_can_say():
    with pytest.raises(ValueError, match="65535"):
        PayloadWriter(64).add(bytes(65536))
