import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.ntlm.rc4 import rc4

RFC_6229 = {
    "0102030405": "b2396305f03dc027ccc3524a0a1118a8",
    "01020304050607": "293f02d47f37c9b633f2af5285feb46b",
    "0102030405060708090a0b0c0d0e0f10": "9ac7cc9a609d1ef7b2932899cde41b97",
}


@pytest.mark.parametrize(("key", "stream"), RFC_6229.items())
def test_the_key_streams_of_rfc_6229(key, stream):
    assert rc4(bytes.fromhex(key), bytes(16)).hex() == stream


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=300))
def test_it_is_its_own_inverse(key, data):
    assert rc4(key, rc4(key, data)) == data
