"""The Base64 layout, below the meaning of its fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.base64_form import (
    Base64Fields,
    decode_base64,
    encode_base64,
    has_base64_shape,
)
from handfast.protocols.errors import MalformedMessage

SHORT = st.binary(max_size=255)
FIELDS = st.builds(
    Base64Fields,
    version=st.integers(0, 255),
    command=st.integers(0, 255),
    locale=st.integers(0, 0xFFFF),
    device_id=SHORT,
    policy_key=st.none() | st.integers(0, 2**32 - 1),
    device_type=SHORT,
    parameters=st.lists(st.tuples(st.integers(0, 255), SHORT), max_size=4).map(tuple),
)


@given(FIELDS)
def test_round_trip(fields):
    text = encode_base64(fields)
    assert has_base64_shape(text)
    assert decode_base64(text) == fields


@pytest.mark.parametrize(
    "raw", [b"", b"Cmd=Sync", b"A=B", b"AA===", b"AA&BB", b"AA%41", b"A-_", b"AA;", b"=AA="]
)
def test_what_is_not_of_base64_shape(raw):
    assert not has_base64_shape(raw)


def test_a_field_over_255_bytes_cannot_be_written():
    with pytest.raises(ValueError, match="256"):
        encode_base64(Base64Fields(141, 0, 0, b"A" * 256, None, b""))


def test_policy_key_is_none_or_four_bytes():
    with pytest.raises(MalformedMessage, match="policy key"):
        decode_base64(b"jQAJBAFBAgECAA==")
