import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.av_pairs import AvFlags, AvId
from handfast.protocols.ntlm.ntlmv2_response import encode_temp, parse_ntlmv2_response

PROOF = b"p" * 16
PAIRS = {AvId.NB_DOMAIN_NAME: b"D\x00"}


def test_the_response_of_the_specification(spec):
    temp = bytes.fromhex(spec["temp"])
    response = parse_ntlmv2_response(bytes.fromhex(spec["nt_proof"]) + temp)
    assert response.proof.hex() == spec["nt_proof"]
    assert response.temp == temp
    assert response.timestamp == 0
    assert response.client_challenge == b"\xaa" * 8
    assert encode_temp(0, b"\xaa" * 8, response.av_pairs) == temp


def test_what_an_old_client_leaves_out():
    response = parse_ntlmv2_response(PROOF + encode_temp(7, b"c" * 8, PAIRS))
    assert not response.has_mic
    assert response.channel_bindings == b""
    assert response.target_name == ""
    assert response.timestamps == (7,)


def test_what_a_modern_client_says():
    pairs = PAIRS | {
        AvId.TIMESTAMP: (9).to_bytes(8, "little"),
        AvId.FLAGS: (0x6).to_bytes(4, "little"),
        AvId.CHANNEL_BINDINGS: b"b" * 16,
        AvId.TARGET_NAME: "HTTP/mail".encode("utf-16-le"),
    }
    response = parse_ntlmv2_response(PROOF + encode_temp(7, b"c" * 8, pairs))
    assert response.has_mic
    assert response.av_flags == AvFlags.MIC_PRESENT | AvFlags.UNTRUSTED_SPN
    assert response.channel_bindings == b"b" * 16
    assert response.target_name == "HTTP/mail"
    assert response.timestamps == (7, 9)


def test_a_binding_of_zeros_is_none():
    temp = encode_temp(7, b"c" * 8, PAIRS | {AvId.CHANNEL_BINDINGS: bytes(16)})
    assert parse_ntlmv2_response(PROOF + temp).channel_bindings == b""


GOOD = PROOF + encode_temp(7, b"c" * 8, PAIRS)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GOOD[:43],
        GOOD[:44],
        PROOF + b"\x02" + GOOD[17:],
        PROOF + b"\x01\x02" + GOOD[18:],
        PROOF + encode_temp(7, b"c" * 8, {}),
        PROOF + encode_temp(7, b"c" * 8, PAIRS | {AvId.FLAGS: b""}),
        PROOF + encode_temp(7, b"c" * 8, PAIRS | {AvId.TARGET_NAME: b"x"}),
        PROOF + encode_temp(7, b"c" * 8, PAIRS | {AvId.TARGET_NAME: b"a\x00" * 513}),
    ],
)
def test_broken_responses(raw):
    with pytest.raises(MalformedMessage):
        parse_ntlmv2_response(raw)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_a_value_or_malformed(data, with_head):
    try:
        response = parse_ntlmv2_response(PROOF + b"\x01\x01" + data if with_head else data)
    except MalformedMessage:
        return
    assert len(response.proof) == 16
    assert len(response.timestamps) in {1, 2}
    assert len(response.channel_bindings) in {0, 16}
    assert isinstance(response.has_mic, bool)
    assert isinstance(response.target_name, str)
