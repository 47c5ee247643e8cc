import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.authorization import (
    MAX_AUTHORIZATION_BYTES,
    NegotiateAuthorization,
    NtlmAuthorization,
    UnsupportedAuthorization,
    parse_authorization,
)
from handfast.protocols.http_auth.basic import BasicAuthorization


def test_the_example_of_rfc_7617():
    value = b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert parse_authorization(value) == BasicAuthorization("Aladdin", "open sesame")


@pytest.mark.parametrize("scheme", [b"NTLM", b"ntlm", b"Ntlm"])
def test_ntlm(scheme):
    assert parse_authorization(scheme + b" TlRMTVNTUAAB") == NtlmAuthorization(b"NTLMSSP\x00\x01")


def test_negotiate():
    assert parse_authorization(b"Negotiate YIIB") == NegotiateAuthorization(b"\x60\x82\x01")


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        (b"Bearer", "bearer"),
        (b"Bearer ", "bearer"),
        (b"Bearer eyJ.eyJ.sig", "bearer"),
        (b'Digest username="a", realm="b"', "digest"),
        (b"X-Own!#$%&'*+-.^_`|~ \xff\xff", "x-own!#$%&'*+-.^_`|~"),
    ],
)
def test_other_schemes(value, scheme):
    assert parse_authorization(value) == UnsupportedAuthorization(scheme)


def test_several_spaces_before_the_token():
    assert parse_authorization(b"NTLM   TlRMTVNTUAAB") == NtlmAuthorization(b"NTLMSSP\x00\x01")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b" Basic YTpi",
        b"Basic",
        b"Basic ",
        b"NTLM",
        b"Negotiate ",
        b"Basic\tYTpi",
        b"Basic:YTpi",
        b"B\xe4sic YTpi",
        b"Basic YTpi ",
        b"Basic YTp i",
        b"Basic YTpi,",
        b"Basic YTpi\n",
        b"Basic YTpi, NTLM TlRM",
        b"Basic YTpi=",
        b"Basic YTpiYg",
        b"Basic YTpiYg=",
        b"Basic YTpiYh==",
        b"Basic =YTpi",
        b"Basic YTp-_w==",
        b"Basic ====",
        b"NTLM " + b"A" * MAX_AUTHORIZATION_BYTES,
        b"A" * 33 + b" x",
    ],
)
def test_refused(value):
    with pytest.raises(MalformedMessage) as refused:
        parse_authorization(value)
    assert refused.value.protocol == "http"
    assert refused.value.status == 400


@given(st.binary(min_size=1, max_size=200), st.sampled_from([b"NTLM", b"Negotiate"]))
def test_tokens_round_trip(token, scheme):
    parsed = parse_authorization(scheme + b" " + base64.b64encode(token))
    assert parsed == (NtlmAuthorization(token) if scheme == b"NTLM" else NegotiateAuthorization(token))


@given(st.binary(max_size=100), st.sampled_from([b"", b"Basic ", b"NTLM ", b"Negotiate "]), st.booleans())
def test_any_bytes_give_a_value_or_malformed(data, head, encoded):
    value = head + (base64.b64encode(data) if encoded else data)
    try:
        parsed = parse_authorization(value)
    except MalformedMessage:
        return
    assert isinstance(
        parsed, BasicAuthorization | NtlmAuthorization | NegotiateAuthorization | UnsupportedAuthorization
    )


@pytest.mark.parametrize(
    "value", [b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", b"NTLM TlRMTVNTUAAB", b"Negotiate YIIB"]
)
def test_no_secret_shows(value):
    shown = repr(parse_authorization(value))
    assert "sesame" not in shown
    assert "NTLMSSP" not in shown
    assert "x82" not in shown
