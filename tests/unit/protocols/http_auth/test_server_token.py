import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.server_token import find_server_token
from handfast.protocols.spnego.tokens import MAX_TOKEN_BYTES


@given(st.binary(min_size=1, max_size=200))
def test_a_token_is_found_whatever_stands_beside_it(token):
    value = base64.b64encode(token)
    assert find_server_token([b"Negotiate " + value]) == token
    assert find_server_token([b"Basic realm=x", b" negotiate  " + value + b" ", b"NTLM"]) == token


@pytest.mark.parametrize("values", [[], [b"Negotiate"], [b"Negotiate ", b"NTLM abc"], [b'Basic realm="x"']])
def test_an_offer_is_no_token(values):
    assert find_server_token(values) is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([b"Negotiate YWJj", b"Negotiate YWJj"], "several"),
        ([b"Negotiate YWJj, Basic realm=x"], "base64"),
        ([b"Negotiate Y"], "base64"),
        ([b"Negotiate " + base64.b64encode(bytes(MAX_TOKEN_BYTES + 1))], "above"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(values, problem):
    with pytest.raises(MalformedMessage, match=problem):
        find_server_token(values)


@given(
    st.lists(
        st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b"Negotiate " + rest), max_size=3
    )
)
def test_any_bytes_are_a_token_none_or_malformed(values):
    try:
        found = find_server_token(values)
    except MalformedMessage:
        return
    assert found is None or isinstance(found, bytes)
