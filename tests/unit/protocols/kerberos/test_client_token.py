import pytest

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.client_token import parse_client_token, parse_mutual_proof
from handfast.protocols.spnego.der import (
    APPLICATION_0,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    context_tag,
    encode_element,
    encode_oid,
)
from handfast.protocols.spnego.tokens import (
    KERBEROS_OID,
    MAX_TOKEN_BYTES,
    MS_KERBEROS_OID,
    NTLM_OID,
    NegState,
    encode_init,
    encode_resp,
    unwrap,
    wrap_reject,
)

INTEGER, BIT_STRING, GENERAL_STRING = 0x02, 0x03, 0x1B
NTLM = b"NTLMSSP\0\1\0\0\0" + bytes(28)


def integer(number, value):
    return encode_element(context_tag(number), encode_element(INTEGER, bytes((value,))))


def text(value):
    return encode_element(GENERAL_STRING, value)


def cipher(content=b"secret", *, kvno=True):
    inner = integer(0, 18) + (integer(1, 2) if kvno else b"")
    return encode_element(
        SEQUENCE, inner + encode_element(context_tag(2), encode_element(OCTET_STRING, content))
    )


def ticket(*components, version=5, realm=b"CONTOSO.LAB", more=b""):
    name = integer(0, 2) + encode_element(
        context_tag(1), encode_element(SEQUENCE, b"".join(map(text, components)))
    )
    fields = integer(0, version) + encode_element(context_tag(1), text(realm))
    fields += encode_element(context_tag(2), encode_element(SEQUENCE, name))
    fields += encode_element(context_tag(3), cipher()) + more
    return encode_element(0x61, encode_element(SEQUENCE, fields))


def ap_req(*components, version=5, kind=14, authenticator=b"secret", more=b"", inner=None):
    fields = integer(0, version) + integer(1, kind)
    fields += encode_element(context_tag(2), encode_element(BIT_STRING, bytes(5)))
    fields += encode_element(context_tag(3), inner or ticket(*(components or (b"HTTP", b"gw"))))
    fields += encode_element(context_tag(4), cipher(authenticator, kvno=False)) + more
    return encode_element(0x6E, encode_element(SEQUENCE, fields))


def framed(message, token_id=b"\1\0", oid=KERBEROS_OID):
    mechanism = encode_element(OBJECT_IDENTIFIER, encode_oid(oid))
    return encode_element(APPLICATION_0, mechanism + token_id + message)


def test_in_spnego():
    mech_token = framed(ap_req(b"HTTP", b"gw.contoso.lab", authenticator=b"mine"))
    token = parse_client_token(encode_init((MS_KERBEROS_OID, KERBEROS_OID, NTLM_OID), mech_token))
    assert (token.mechanism, token.mech_token) == (MS_KERBEROS_OID, mech_token)
    assert (token.service, token.realm, token.authenticator) == (
        "HTTP/gw.contoso.lab",
        "CONTOSO.LAB",
        b"mine",
    )
    answer = unwrap(token.answer(b"AP-REP"))
    assert (answer.neg_state, answer.supported_mech) == (NegState.ACCEPT_COMPLETED, MS_KERBEROS_OID)
    assert answer.mech_token == b"AP-REP"
    assert unwrap(token.answer(b"")).mech_token is None


def test_bare():
    mech_token = framed(ap_req())
    token = parse_client_token(mech_token)
    assert (token.mechanism, token.mech_token) == ("", mech_token)
    assert token.answer(b"AP-REP") == b"AP-REP"


def test_nothing_secret_is_shown():
    shown = repr(parse_client_token(framed(ap_req(authenticator=b"mine"))))
    assert "mine" not in shown
    assert "mech_token" not in shown


def test_a_name_that_is_not_utf_8_is_shown_as_such():
    assert parse_client_token(framed(ap_req(b"HTTP", b"\xff"))).service == "HTTP/\\xff"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (b"", "ends where tag"),
        (NTLM, "NTLM"),
        (encode_init((NTLM_OID,), NTLM), "NTLM"),
        (encode_init((KERBEROS_OID,), NTLM), "NTLM"),
        (encode_init((NTLM_OID, KERBEROS_OID), framed(ap_req())), "stands before Kerberos"),
        (encode_init((KERBEROS_OID,)), "ends where tag"),
        (encode_resp(neg_state=NegState.ACCEPT_INCOMPLETE), "tag 0xa1"),
        (bytes(MAX_TOKEN_BYTES + 1), "more than 98304"),
        (framed(ap_req(), b"\4\0"), "no AP-REQ"),
        (encode_init((KERBEROS_OID,), framed(ap_req(), oid=MS_KERBEROS_OID)), "no AP-REQ"),
        (framed(ap_req(version=4)), "pvno: it is not 5"),
        (framed(ap_req(kind=12)), "msg-type: it is not 14"),
        (framed(ap_req(inner=ticket(b"a", version=4))), "tkt-vno: it is not 5"),
        (framed(ap_req(*[b"a"] * 5)), "more than 4 components"),
        (framed(ap_req(more=integer(5, 1))), "too many"),
        (framed(ap_req(inner=ticket(b"a", more=integer(4, 1)))), "too many"),
        (framed(ap_req() + b"x"), "too many"),
        (framed(ap_req()) + b"x", "too many"),
    ],
)
def test_refused(token, said):
    with pytest.raises(MalformedMessage, match=said):
        parse_client_token(token)


def test_every_cut_and_every_more_is_refused():
    whole = encode_init((KERBEROS_OID,), framed(ap_req()))
    for length in range(len(whole)):
        with pytest.raises(MalformedMessage):
            parse_client_token(whole[:length])
    with pytest.raises(MalformedMessage):
        parse_client_token(whole + b"\0")


def test_a_services_proof():
    ap_rep = framed(b"proof", b"\2\0")
    assert parse_mutual_proof(ap_rep) == ap_rep
    for state in (NegState.ACCEPT_COMPLETED, None):
        assert parse_mutual_proof(encode_resp(neg_state=state, response_token=ap_rep)) == ap_rep


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"x",
        wrap_reject(),
        encode_resp(neg_state=NegState.ACCEPT_COMPLETED),
        encode_resp(neg_state=NegState.ACCEPT_INCOMPLETE, response_token=b"more"),
        encode_resp(neg_state=NegState.REQUEST_MIC, response_token=b"more"),
    ],
)
def test_no_proof(token):
    with pytest.raises(MalformedMessage):
        parse_mutual_proof(token)
