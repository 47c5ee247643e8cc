from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.outcome import Grant
from handfast.identity.records import AccountId
from handfast.identity_api.fields import encode_object, parse_object, to_base64
from handfast.identity_api.sign_in_calls import (
    AuthorizeCall,
    ConfirmCall,
    decode_authorize_call,
    decode_confirm_call,
    encode_authorize_call,
    encode_confirm_call,
)
from handfast.protocols.errors import MalformedMessage

GRANT = Grant("g1", "mail", AccountId(1), "alice", 1, 300.0, node="edge1")
KINDS = [
    (AuthorizeCall(GRANT, b"tls-server-end-point:x"), encode_authorize_call, decode_authorize_call),
    (ConfirmCall(GRANT, "h1", b"token"), encode_confirm_call, decode_confirm_call),
]


@pytest.mark.parametrize(("call", "encode", "decode"), KINDS)
def test_what_is_encoded_decodes_to_the_same(call, encode, decode):
    assert decode(parse_object(encode_object(encode(call)))) == call
    assert "token" not in repr(call).partition("Grant")[0]


@pytest.mark.parametrize(
    ("call", "encode", "decode", "name", "size"),
    [(*KINDS[0], "channel_binding", 257), (*KINDS[1], "token", 96 * 1024 + 1)],
)
def test_neither_bindings_nor_tokens_are_longer_than_there_are(call, encode, decode, name, size):
    with pytest.raises(MalformedMessage, match="above"):
        decode({**encode(call), name: to_base64(bytes(size))})


@given(
    st.dictionaries(st.sampled_from(["grant", "channel_binding", "handle", "token"]), st.none() | st.text())
)
def test_anything_else_is_malformed(value):
    for decode in (decode_authorize_call, decode_confirm_call):
        with pytest.raises(MalformedMessage):
            decode(value)
