"""Messages of clients nobody here wrote, made at test time: pyspnego as it is, as requests-ntlm and as httpx-ntlm use it."""

import base64
from datetime import UTC, datetime

import httpx
import httpx_ntlm
import pytest
import spnego
from spnego.channel_bindings import GssChannelBindings

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.authorization import NtlmAuthorization, parse_authorization
from handfast.protocols.ntlm.challenge import ServerNames, encode_challenge
from handfast.protocols.ntlm.channel_bindings import tls_server_end_point_binding
from handfast.protocols.ntlm.hashes import nt_hash
from handfast.protocols.ntlm.messages import parse_authenticate, parse_negotiate
from handfast.protocols.ntlm.verify import (
    NtlmExpectation,
    NtlmProofResult,
    NtlmRefusal,
    check_form,
    verify_proof,
)
from handfast.protocols.spnego.tokens import NTLM_OID, encode_init, is_ntlmssp, unwrap, wrap_challenge

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = ServerNames("EXAMPLE", "GATEWAY", "example.test", "gateway.example.test")
CHALLENGE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
CERTIFICATE_HASH = bytes(range(32))
PASSWORD = "abcde-fghij-klmno-pqrst-uvwxy"
HOST = "mail.example.test"
OWN_CODE = {"ntlm": spnego.NegotiateOptions.use_ntlm, "negotiate": spnego.NegotiateOptions.use_negotiate}
"""pyspnego's Python code, whatever GSSAPI the machine has."""


def bindings(certificate_hash=CERTIFICATE_HASH):
    return GssChannelBindings(application_data=b"tls-server-end-point:" + certificate_hash)


def client(
    user="EXAMPLE\\alice", password=PASSWORD, *, protocol="ntlm", hostname=HOST, service="http", **options
):
    return spnego.client(
        user,
        password,
        hostname=hostname,
        service=service,
        protocol=protocol,
        options=OWN_CODE[protocol],
        **options,
    )


def verify(negotiate, challenge, authenticate, **policy):
    expectation = NtlmExpectation(
        **{
            "server_challenge": CHALLENGE,
            "negotiate_message": negotiate,
            "challenge_message": challenge,
            "now": NOW,
            "channel_binding": tls_server_end_point_binding(CERTIFICATE_HASH),
            "binding_mode": "allow",
            "spn_hosts": frozenset({HOST}),
            "require_mic": True,
            **policy,
        }
    )
    hashes = [nt_hash("another"), nt_hash(PASSWORD)]
    return verify_proof(parse_authenticate(authenticate), authenticate, expectation, hashes)


def handshake(context, **policy):
    negotiate = context.step()
    challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(negotiate).flags)
    authenticate = context.step(challenge)
    assert context.complete
    return verify(negotiate, challenge, authenticate, **policy)


ACCEPTED = NtlmProofResult(1)


@pytest.mark.parametrize(
    "user",
    [
        "EXAMPLE\\alice",
        "alice",
        "alice@example.test",
        "EXAMPLE\\jürgen",
        "EXAMPLE\\weiß",
        "用户@example.test",
    ],
)
def test_the_right_password(user):
    assert handshake(client(user)) == ACCEPTED


@pytest.mark.parametrize("password", ["wrong", PASSWORD.upper(), PASSWORD + " "])
def test_a_wrong_password(password):
    assert handshake(client(password=password)) == NtlmProofResult(None)


def test_another_users_name():
    context = client()
    negotiate = context.step()
    challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(negotiate).flags)
    authenticate = context.step(challenge).replace("alice".encode("utf-16-le"), "boris".encode("utf-16-le"))
    assert parse_authenticate(authenticate).user == "boris"
    assert verify(negotiate, challenge, authenticate) == NtlmProofResult(None)


@pytest.mark.parametrize(
    ("sent", "mode", "refusal"),
    [
        (bindings(), "require", None),
        (bindings(), "allow", None),
        (bindings(bytes(32)), "require", NtlmRefusal.BINDING_WRONG),
        (bindings(bytes(32)), "allow", NtlmRefusal.BINDING_WRONG),
        (bindings(bytes(32)), "off", None),
        (None, "require", NtlmRefusal.BINDING_MISSING),
        (None, "allow", None),
    ],
)
def test_channel_bindings_right_wrong_and_none(sent, mode, refusal):
    assert handshake(client(channel_bindings=sent), binding_mode=mode) == NtlmProofResult(1, refusal)


@pytest.mark.parametrize(
    ("hostname", "service", "refusal"),
    [
        (HOST, "HTTP", None),
        (HOST, None, None),
        (None, None, None),
        ("other.example.test", "http", NtlmRefusal.SPN),
        (HOST, "cifs", NtlmRefusal.SPN),
    ],
)
def test_target_names(hostname, service, refusal):
    context = client(hostname=hostname, service=service)
    assert handshake(context) == NtlmProofResult(1, refusal)


def test_a_challenge_kept_from_another_time():
    context = client()
    negotiate = context.step()
    old = encode_challenge(
        CHALLENGE, NAMES, datetime(2029, 1, 1, tzinfo=UTC), parse_negotiate(negotiate).flags
    )
    assert verify(negotiate, old, context.step(old)) == NtlmProofResult(1, NtlmRefusal.TIMESTAMP)
    fresh = encode_challenge(b"\xff" * 8, NAMES, NOW, parse_negotiate(negotiate).flags)
    assert verify(negotiate, old, client().step() and _replay(fresh)) == NtlmProofResult(None)


def _replay(challenge):
    context = client()
    context.step()
    return context.step(challenge)


@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_clients_set_to_older_versions(level, monkeypatch):
    monkeypatch.setenv("LM_COMPAT_LEVEL", level)
    context = client()
    negotiate = context.step()
    challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(negotiate).flags)
    authenticate = context.step(challenge)
    assert check_form(parse_authenticate(authenticate)) is NtlmRefusal.VERSION
    assert verify(negotiate, challenge, authenticate) == NtlmProofResult(None, NtlmRefusal.VERSION)


def test_every_truncation_and_byte_flip_of_its_message():
    context = client(channel_bindings=bindings())
    negotiate = context.step()
    challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(negotiate).flags)
    raw = context.step(challenge)
    for end in range(len(raw)):
        with pytest.raises(MalformedMessage):
            parse_authenticate(raw[:end])
    for at in range(len(raw)):
        spoilt = raw[:at] + bytes((raw[at] ^ 0x10,)) + raw[at + 1 :]
        try:
            result = verify(negotiate, challenge, spoilt, binding_mode="require")
        except MalformedMessage:
            continue
        assert not result.is_accepted, f"byte {at}"


class TestNegotiate:
    """The same inside SPNEGO."""

    def test_wrapped(self):
        context = client(protocol="negotiate", channel_bindings=bindings())
        first = unwrap(context.step())
        assert first.is_init
        assert first.mech_types == (NTLM_OID,)
        negotiate = first.ntlm_message
        challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(negotiate).flags)
        last = unwrap(context.step(wrap_challenge(challenge)))
        assert not last.is_init
        assert last.mech_list_mic is not None
        assert verify(negotiate, challenge, last.ntlm_message, binding_mode="require") == ACCEPTED

    def test_raw(self):
        token = client().step()
        assert is_ntlmssp(token)
        with pytest.raises(MalformedMessage):
            unwrap(token)

    def test_our_initial_token_is_read_by_pyspnego(self):
        from spnego._spnego import unpack_token

        token = unpack_token(encode_init([NTLM_OID], b"NTLMSSP\x00"))
        assert (token.mech_types, token.mech_token) == ([NTLM_OID], b"NTLMSSP\x00")


def test_httpx_ntlm_through_its_own_flow():
    """The library's own request flow against a gateway made of these functions, without any socket."""
    seen = {}

    def answer(request):
        value = request.headers.get("authorization")
        if value is None:
            return httpx.Response(401, headers={"www-authenticate": "NTLM"})
        token = parse_authorization(value.encode())
        assert isinstance(token, NtlmAuthorization)
        if "negotiate" not in seen:
            seen["negotiate"] = token.token
            seen["challenge"] = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(token.token).flags)
            encoded = base64.b64encode(seen["challenge"]).decode()
            return httpx.Response(401, headers={"www-authenticate": f"NTLM {encoded}"})
        seen["result"] = verify(seen["negotiate"], seen["challenge"], token.token)
        return httpx.Response(200)

    auth = httpx_ntlm.HttpNtlmAuth("EXAMPLE\\alice", PASSWORD)
    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as session:
        assert session.get(f"https://{HOST}/").status_code == 200
    assert seen["result"] == ACCEPTED
