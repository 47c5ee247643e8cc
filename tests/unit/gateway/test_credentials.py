import base64

import pytest

from handfast.decision.access import BasicCredential, ConnectionCredential, NoCredential
from handfast.decision.publication import AuthMethod
from handfast.decision.reasons import Reason
from handfast.gateway.credentials import (
    ConnectionSignIn,
    NtlmLeg,
    SpnegoStart,
    Ticket,
    challenge_value,
    new_connection_sign_in,
    read_credential,
)
from handfast.gateway.refusal import Refusal
from handfast.protocols.http1.head import parse_request_head
from handfast.protocols.spnego.tokens import KERBEROS_OID, NTLM_OID, encode_init
from tests.fakes.kerberos import in_spnego, ticket

ALL = frozenset(AuthMethod)
ALICE = ticket("alice")
BOTH = frozenset({AuthMethod.BASIC, AuthMethod.NTLM})
NEGOTIATE = b"NTLMSSP\x00" + (1).to_bytes(4, "little") + bytes(24)


def head(fields="", version="1.1"):
    return parse_request_head(f"GET /x HTTP/{version}\r\nHost: h\r\n{fields}\r\n".encode())


def read(authorization, *, sign_in=None, methods=BOTH, fields="", version="1.1", **where):
    where = {"behind_http_proxy": False, **where}
    return read_credential(authorization, sign_in, head(fields, version), methods, **where)


def ntlm(message, scheme=b"NTLM"):
    return scheme + b" " + base64.b64encode(message)


def test_basic_is_a_login_and_a_secret():
    assert read(b"Basic " + base64.b64encode(b"alice:pass:word")) == BasicCredential("alice", "pass:word")


def test_nothing_is_nothing_until_the_connection_is_signed_in():
    assert read(None) == NoCredential()
    assert read(None, sign_in=ConnectionSignIn("c")) == NoCredential()
    assert read(None, sign_in=ConnectionSignIn("c", session=b"s")) == ConnectionCredential("c", b"s")


@pytest.mark.parametrize("scheme", [b"NTLM", b"Negotiate"])
def test_a_raw_ntlm_message_is_a_leg_under_its_scheme(scheme):
    assert read(ntlm(NEGOTIATE, scheme)) == NtlmLeg(1, NEGOTIATE, scheme)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"authorization": b"Bearer x"}, Reason.METHOD_NOT_OFFERED),
        (
            {"authorization": ntlm(NEGOTIATE), "methods": frozenset({AuthMethod.BASIC})},
            Reason.METHOD_NOT_OFFERED,
        ),
        ({"authorization": ntlm(NEGOTIATE.replace(b"\x01", b"\x02"))}, Reason.NTLM_MALFORMED),
        ({"authorization": ntlm(NEGOTIATE), "fields": "Via: 1.1 p\r\n"}, Reason.PROXIED_NTLM),
        ({"authorization": ntlm(NEGOTIATE), "version": "1.0"}, Reason.PROXIED_NTLM),
        ({"authorization": ntlm(NEGOTIATE), "behind_http_proxy": True}, Reason.PROXIED_NTLM),
        (
            {
                "authorization": None,
                "sign_in": ConnectionSignIn("c", session=b"s"),
                "behind_http_proxy": True,
            },
            Reason.PROXIED_NTLM,
        ),
        (
            {
                "authorization": None,
                "sign_in": ConnectionSignIn("c", session=b"s", is_ticket=True),
                "behind_http_proxy": True,
            },
            Reason.PROXIED_TICKET,
        ),
        ({"authorization": ntlm(b"NTLMSSP\0\1", b"Negotiate")}, Reason.NTLM_MALFORMED),
        ({"authorization": ntlm(in_spnego(b"NTLMSSP\0\1", NTLM_OID), b"Negotiate")}, Reason.NTLM_MALFORMED),
        ({"authorization": ntlm(b"\x60", b"Negotiate")}, Reason.NEGOTIATE_MALFORMED),
        (
            {"authorization": ntlm(b"\x60", b"Negotiate"), "methods": ALL, "is_inside": True},
            Reason.NEGOTIATE_MALFORMED,
        ),
    ],
)
def test_what_is_refused_before_identity_is_asked(arguments, reason):
    with pytest.raises(Refusal) as refused:
        read(**arguments)
    assert refused.value.reason is reason


def test_a_challenge_is_wrapped_as_it_was_asked_for():
    assert challenge_value(NtlmLeg(1, b"", b"NTLM"), b"two") == b"NTLM " + base64.b64encode(b"two")
    spnego = challenge_value(NtlmLeg(1, b"", b"Negotiate", is_spnego=True), b"NTLMSSP\x00two")
    assert b"NTLMSSP\x00two" in base64.b64decode(spnego.removeprefix(b"Negotiate "))


def test_a_new_sign_in_leaves_nothing_of_the_old_one():
    state = new_connection_sign_in()
    state.session, state.pending_id, state.pending_publication, state.negotiate = b"s", "p", "mail", b"n"
    state.is_ticket = True
    state.forget()
    assert not state.is_ticket
    assert (state.session, state.pending_id, state.pending_publication, state.negotiate) == (b"", "", "", b"")
    assert state.sign_ins == 1
    assert new_connection_sign_in().connection_id != state.connection_id


@pytest.mark.parametrize("token", [ALICE, in_spnego(ALICE), in_spnego(ALICE, NTLM_OID)])
def test_inside_a_ticket_goes_on_as_it_came(token):
    found = read(ntlm(token, b"Negotiate"), methods=ALL, is_inside=True)
    assert found == Ticket(token)
    assert "alice" not in repr(found)


def test_outside_a_ticket_is_none_and_ntlm_is_chosen_where_the_client_has_it():
    assert read(ntlm(in_spnego(ALICE, NTLM_OID), b"Negotiate"), methods=ALL) == SpnegoStart()
    for token in (in_spnego(ALICE), encode_init([KERBEROS_OID]), ALICE):
        with pytest.raises(Refusal) as refused:
            read(ntlm(token, b"Negotiate"), methods=ALL)
        assert refused.value.reason is Reason.METHOD_NOT_OFFERED


@pytest.mark.parametrize(
    "value", [ntlm(NEGOTIATE), ntlm(NEGOTIATE, b"Negotiate"), ntlm(in_spnego(NEGOTIATE), b"Negotiate")]
)
def test_where_only_tickets_are_taken_ntlm_is_refused(value):
    with pytest.raises(Refusal) as refused:
        read(value, methods=frozenset({AuthMethod.KERBEROS}), is_inside=True)
    assert refused.value.reason is Reason.METHOD_NOT_OFFERED


def test_a_ticket_through_a_proxy_is_refused():
    with pytest.raises(Refusal) as refused:
        read(ntlm(ALICE, b"Negotiate"), methods=ALL, is_inside=True, behind_http_proxy=True)
    assert refused.value.reason is Reason.PROXIED_TICKET
