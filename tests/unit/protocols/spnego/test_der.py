import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.der import (
    OCTET_STRING,
    SEQUENCE,
    DerReader,
    context_tag,
    encode_element,
    encode_oid,
    parse_oid,
    read_only,
)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths_in_their_shortest_form(length):
    element = encode_element(OCTET_STRING, bytes(length))
    assert len(element) == length + {0: 2, 1: 2, 127: 2, 128: 3, 255: 3, 256: 4, 65535: 4, 65536: 5}[length]
    assert read_only(element, OCTET_STRING, "f") == bytes(length)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "ends where tag"),
        (b"\x05\x00", "tag 0x05 where 0x04"),
        (b"\x04", "ends within a length"),
        (b"\x04\x01", "1 bytes announced, 0 there"),
        (b"\x04\x80\x00\x00", "indefinite"),
        (b"\x04\x81\x7f" + bytes(127), "shortest form"),
        (b"\x04\x82\x00\x80" + bytes(128), "shortest form"),
        (b"\x04\x82\x01", "ends within a length"),
        (b"\x04\x85\x00\x00\x00\x00\x01a", "more than four"),
        (b"\x04\xff", "more than four"),
        (b"\x04\x84\xff\xff\xff\xff", "announced"),
        (b"\x04\x01aa", "1 bytes too many"),
    ],
)
def test_refused(data, said):
    with pytest.raises(MalformedMessage, match=said) as refused:
        read_only(data, OCTET_STRING, "f")
    assert (refused.value.protocol, refused.value.field) == ("spnego", "f")


def test_optional_elements():
    reader = DerReader(b"\x04\x01a", "f")
    assert reader.read_optional(SEQUENCE) is None
    assert not reader.is_at_end
    assert reader.read_optional(OCTET_STRING) == b"a"
    assert reader.read_optional(OCTET_STRING) is None
    reader.end()


def test_context_tags():
    assert [context_tag(number) for number in range(4)] == [0xA0, 0xA1, 0xA2, 0xA3]


@pytest.mark.parametrize(
    ("dotted", "content"),
    [
        ("1.3.6.1.5.5.2", "2b0601050502"),
        ("1.3.6.1.4.1.311.2.2.10", "2b06010401823702020a"),
        ("1.2.840.113554.1.2.2", "2a864886f712010202"),
        ("2.999.3", "883703"),
        ("0.0", "00"),
    ],
)
def test_object_identifiers(dotted, content):
    assert encode_oid(dotted).hex() == content
    assert parse_oid(bytes.fromhex(content), "f") == dotted


@pytest.mark.parametrize("content", [b"", b"\x80\x01", b"\x2b\x80\x01", b"\x2b\x81", bytes(33)])
def test_broken_object_identifiers(content):
    with pytest.raises(MalformedMessage):
        parse_oid(content, "f")


@given(st.binary(max_size=40))
def test_any_object_identifier_round_trips_or_is_refused(content):
    try:
        dotted = parse_oid(content, "f")
    except MalformedMessage:
        return
    assert encode_oid(dotted) == content


@given(st.binary(max_size=60))
def test_any_element_round_trips_or_is_refused(data):
    try:
        content = read_only(data, OCTET_STRING, "f")
    except MalformedMessage:
        return
    assert encode_element(OCTET_STRING, content) == data
