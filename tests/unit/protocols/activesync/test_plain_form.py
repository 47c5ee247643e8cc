"""The plain form below the meaning of its parameters."""

import pytest

from handfast.protocols.activesync.plain_form import NAMES, decode_plain, encode_plain
from handfast.protocols.errors import MalformedMessage


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_name_in_any_case(name):
    assert decode_plain(f"{name.upper()}=a".encode()) == {name: "a"}
    assert decode_plain(f"{name.lower()}=a".encode()) == {name: "a"}


def test_an_empty_value_and_an_equals_sign_in_a_value():
    assert decode_plain(b"User=") == {"User": ""}
    assert decode_plain(b"LongId=a%3Db") == {"LongId": "a=b"}
    with pytest.raises(MalformedMessage):
        decode_plain(b"LongId=a=b")


def test_everything_but_unreserved_characters_is_escaped():
    assert encode_plain([("User", "a~-._ /@:&=+;é")]) == b"User=a~-._%20%2F%40%3A%26%3D%2B%3B%C3%A9"


def test_a_literal_percent_sign_survives_where_it_escapes_nothing():
    assert decode_plain(b"User=100%25") == {"User": "100%"}
    assert encode_plain([("User", "100%")]) == b"User=100%25"
