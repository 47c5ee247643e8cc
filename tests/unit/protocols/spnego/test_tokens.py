import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.der import (
    APPLICATION_0,
    BIT_STRING,
    ENUMERATED,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    context_tag,
    encode_element,
    encode_oid,
)
from handfast.protocols.spnego.tokens import (
    KERBEROS_OID,
    MAX_MECHANISMS,
    MAX_TOKEN_BYTES,
    MS_KERBEROS_OID,
    NTLM_OID,
    SPNEGO_OID,
    NegState,
    SpnegoToken,
    encode_init,
    encode_resp,
    is_kerberos,
    is_ntlmssp,
    unwrap,
    wrap_challenge,
    wrap_completed,
    wrap_mechanism_choice,
    wrap_reject,
)

NTLM = b"NTLMSSP\x00\x01\x00\x00\x00"
octets = st.none() | st.binary(max_size=300)
oids = st.lists(
    st.sampled_from([NTLM_OID, KERBEROS_OID, MS_KERBEROS_OID, "2.999.1"]), min_size=1, max_size=MAX_MECHANISMS
)


@given(oids, octets, octets)
def test_initial_tokens_round_trip(mech_types, mech_token, mic):
    assert unwrap(encode_init(mech_types, mech_token, mic)) == SpnegoToken(
        True, tuple(mech_types), mech_token, mic
    )


@given(st.none() | st.sampled_from(NegState), st.none() | st.just(NTLM_OID), octets, octets)
def test_later_tokens_round_trip(state, mech, token, mic):
    raw = encode_resp(neg_state=state, supported_mech=mech, response_token=token, mech_list_mic=mic)
    assert unwrap(raw) == SpnegoToken(False, (), token, mic, state, mech)


def test_ntlm_first():
    token = unwrap(encode_init([NTLM_OID], NTLM))
    assert token.offers_ntlm
    assert token.ntlm_message == NTLM


def test_kerberos_first_with_its_opening():
    token = unwrap(encode_init([MS_KERBEROS_OID, KERBEROS_OID, NTLM_OID], b"\x60 a ticket"))
    assert token.offers_ntlm
    assert token.ntlm_message is None


def test_kerberos_alone():
    assert not unwrap(encode_init([KERBEROS_OID])).offers_ntlm


def test_a_later_token_carries_the_mechanism_agreed_on():
    token = unwrap(encode_resp(response_token=NTLM))
    assert token.offers_ntlm
    assert token.ntlm_message == NTLM
    assert unwrap(encode_resp()).ntlm_message is None


def test_request_flags_are_read_over():
    listed = encode_element(
        context_tag(0), encode_element(SEQUENCE, encode_element(OBJECT_IDENTIFIER, encode_oid(NTLM_OID)))
    )
    flags = encode_element(context_tag(1), encode_element(BIT_STRING, b"\x01\x06"))
    assert unwrap(initial(encode_element(SEQUENCE, listed + flags))).mech_types == (NTLM_OID,)


def initial(body, oid=SPNEGO_OID, rest=b""):
    this_mech = encode_element(OBJECT_IDENTIFIER, encode_oid(oid))
    return encode_element(APPLICATION_0, this_mech + encode_element(context_tag(0), body) + rest)


def listed(content):
    return encode_element(SEQUENCE, encode_element(context_tag(0), encode_element(SEQUENCE, content)))


MECH = encode_element(OBJECT_IDENTIFIER, encode_oid(NTLM_OID))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x60",
        NTLM,
        b"\x04\x00",
        bytes(MAX_TOKEN_BYTES + 1),
        initial(listed(MECH), KERBEROS_OID),
        initial(listed(b"")),
        initial(listed(MECH * (MAX_MECHANISMS + 1))),
        initial(listed(MECH), rest=b"\x04\x00"),
        initial(listed(MECH)) + b"\x00",
        initial(encode_element(SEQUENCE, b"")),
        initial(
            encode_element(
                SEQUENCE, encode_element(context_tag(0), encode_element(SEQUENCE, MECH)) + b"\xa4\x00"
            )
        ),
        initial(
            encode_element(
                SEQUENCE,
                encode_element(context_tag(0), encode_element(SEQUENCE, MECH))
                + encode_element(context_tag(3), encode_element(SEQUENCE, b"")),
            )
        ),
        encode_element(
            context_tag(1),
            encode_element(SEQUENCE, encode_element(context_tag(0), encode_element(ENUMERATED, b"\x04"))),
        ),
        encode_element(
            context_tag(1),
            encode_element(SEQUENCE, encode_element(context_tag(0), encode_element(ENUMERATED, b"\x00\x01"))),
        ),
        encode_element(
            context_tag(1),
            encode_element(SEQUENCE, encode_element(context_tag(2), encode_element(OCTET_STRING, b"a")) * 2),
        ),
        encode_element(context_tag(1), encode_element(SEQUENCE, b"") + b"\x00"),
    ],
)
def test_refused(raw):
    with pytest.raises(MalformedMessage):
        unwrap(raw)


def test_the_largest_token_is_read():
    overhead = len(encode_init([NTLM_OID], bytes(MAX_TOKEN_BYTES - 100))) - (MAX_TOKEN_BYTES - 100)
    token = encode_init([NTLM_OID], bytes(MAX_TOKEN_BYTES - overhead))
    assert len(token) == MAX_TOKEN_BYTES
    assert len(unwrap(token).mech_token) == MAX_TOKEN_BYTES - overhead
    with pytest.raises(MalformedMessage, match="more than"):
        unwrap(encode_init([NTLM_OID], bytes(MAX_TOKEN_BYTES - overhead + 1)))


def test_what_we_send():
    assert unwrap(wrap_challenge(b"challenge")) == SpnegoToken(
        False, mech_token=b"challenge", neg_state=NegState.ACCEPT_INCOMPLETE, supported_mech=NTLM_OID
    )
    assert unwrap(wrap_mechanism_choice()) == SpnegoToken(
        False, neg_state=NegState.ACCEPT_INCOMPLETE, supported_mech=NTLM_OID
    )
    assert unwrap(wrap_reject()).neg_state is NegState.REJECT
    assert unwrap(wrap_completed()).neg_state is NegState.ACCEPT_COMPLETED


def test_another_implementation_reads_what_we_send():
    from spnego._spnego import NegState as TheirState
    from spnego._spnego import unpack_token

    read = unpack_token(wrap_challenge(b"challenge"))
    assert (read.neg_state, read.supported_mech, read.response_token) == (
        TheirState.accept_incomplete,
        NTLM_OID,
        b"challenge",
    )
    assert unpack_token(wrap_reject()).neg_state == TheirState.reject
    assert unpack_token(wrap_completed()).neg_state == TheirState.accept_complete


def test_raw_ntlm():
    assert is_ntlmssp(NTLM)
    assert not is_ntlmssp(b"NTLMSSP")
    assert not is_ntlmssp(encode_init([NTLM_OID], NTLM))


def test_no_message_shows():
    assert "NTLMSSP" not in repr(unwrap(encode_init([NTLM_OID], NTLM)))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x60", b"\xa1"]))
def test_any_bytes_give_a_value_or_malformed(data, head):
    check(head + data)


SAMPLES = [encode_init([MS_KERBEROS_OID, NTLM_OID], NTLM, b"m" * 16), wrap_challenge(b"c" * 130)]


@pytest.mark.parametrize("sample", SAMPLES)
def test_truncations_and_flips(sample):
    for end in range(len(sample)):
        with pytest.raises(MalformedMessage):
            unwrap(sample[:end])
    with pytest.raises(MalformedMessage):
        unwrap(sample + b"\x00")
    for at in range(len(sample)):
        for value in (0x00, 0x80, 0xFF, sample[at] ^ 1, sample[at] ^ 0x40):
            check(sample[:at] + bytes((value,)) + sample[at + 1 :])


def check(raw):
    """A value that says all of the bytes again (request flags apart), or `MalformedMessage`."""
    try:
        token = unwrap(raw)
    except MalformedMessage:
        return
    if token.is_init:
        again = encode_init(token.mech_types, token.mech_token, token.mech_list_mic)
    else:
        again = encode_resp(
            neg_state=token.neg_state,
            supported_mech=token.supported_mech,
            response_token=token.mech_token,
            mech_list_mic=token.mech_list_mic,
        )
    assert again == raw or (token.is_init and len(again) < len(raw))


def kerberos(mechanism=KERBEROS_OID, rest=b"\x01\x00ap-req"):
    return encode_element(APPLICATION_0, encode_element(OBJECT_IDENTIFIER, encode_oid(mechanism)) + rest)


@pytest.mark.parametrize("mechanism", [KERBEROS_OID, MS_KERBEROS_OID])
def test_a_ticket_is_told_by_the_mechanism_of_its_token(mechanism):
    assert is_kerberos(kerberos(mechanism))
    assert unwrap(encode_init([mechanism, NTLM_OID], kerberos(mechanism))).holds_ticket


@pytest.mark.parametrize(
    "token",
    [
        b"",
        NTLM,
        b"\x60",
        kerberos(NTLM_OID),
        kerberos(SPNEGO_OID),
        kerberos() + b"more",
        encode_element(APPLICATION_0, b"\x06\x00"),
        encode_init([KERBEROS_OID]),
    ],
)
def test_anything_else_is_no_ticket(token):
    assert not is_kerberos(token)


def test_a_token_without_a_message_or_with_another_holds_no_ticket():
    assert not unwrap(encode_init([KERBEROS_OID])).holds_ticket
    assert not unwrap(encode_init([KERBEROS_OID, NTLM_OID], NTLM)).holds_ticket


@given(st.binary(max_size=60))
def test_any_bytes_are_a_ticket_or_not(data):
    assert is_kerberos(data) in (True, False)
