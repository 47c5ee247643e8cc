from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.query import MAX_PAIRS, MAX_QUERY_BYTES, encode_pairs, parse_pairs

NAMES = st.text("abcXYZ019", min_size=1, max_size=64)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="%"), max_size=40)


def test_names_are_folded_and_values_decoded_once():
    assert parse_pairs(b"MailBoxId=a%40b&x=&Y=1%2B+") == {"mailboxid": "a@b", "x": "", "y": "1++"}
    assert parse_pairs(b"") == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"a",
        b"=b",
        b"a=b&",
        b"&a=b",
        b"a=1&a=2",
        b"a=1&A=2",
        b"%61=1",
        b"a=1;b=2",
        b"a=1?b=2",
        b"a=b=c",
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%2541",
        b"a=%00",
        b"a=%20",
        b"a=%7f",
        b"a=%c3%a4",
        b"a=%u0041",
        b"a=\xc3\xa4",
        b"a=\\",
        b'a="',
        b"a[]=1",
        b"a" * 65 + b"=1",
        b"a=" + b"b" * MAX_QUERY_BYTES,
        b"&".join(b"a%d=1" % number for number in range(MAX_PAIRS + 1)),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(raw):
    with pytest.raises(MalformedMessage):
        parse_pairs(raw)


@given(st.dictionaries(NAMES.map(str.lower), VALUES, max_size=8))
def test_what_is_written_reads_back(pairs):
    assert parse_pairs(encode_pairs(pairs.items())) == pairs


@given(st.binary(max_size=200))
def test_any_bytes_give_pairs_or_a_malformed_message(raw):
    try:
        pairs = parse_pairs(raw)
    except MalformedMessage:
        return
    assert all(name == name.lower() and value.isascii() for name, value in pairs.items())


def test_an_address_is_sent_as_clients_spell_it_and_all_else_escaped():
    assert encode_pairs([("email", "a+b@c.d"), ("x", "&=?/")]) == b"email=a%2Bb@c.d&x=%26%3D%3F%2F"
