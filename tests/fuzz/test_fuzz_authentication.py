"""Mutated real messages through every parser of `Authorization`, NTLM and SPNEGO: a value or `MalformedMessage`.

`HANDFAST_FUZZ_EXAMPLES` (default 300) says how long; nightly runs set it high.
"""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.authorization import (
    NegotiateAuthorization,
    NtlmAuthorization,
    parse_authorization,
)
from handfast.protocols.http_auth.login_name import LoginName, login_from_ntlm
from handfast.protocols.ntlm.hashes import nt_hash
from handfast.protocols.ntlm.messages import (
    message_type,
    parse_authenticate,
    parse_challenge,
    parse_negotiate,
)
from handfast.protocols.ntlm.verify import NtlmExpectation, NtlmProofResult, verify_proof
from handfast.protocols.spnego.tokens import NTLM_OID, encode_init, encode_resp, is_ntlmssp, unwrap

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "ntlm"
EXAMPLES = int(os.environ.get("HANDFAST_FUZZ_EXAMPLES", "300"))
EXPECTATION = NtlmExpectation(
    server_challenge=bytes.fromhex("0123456789abcdef"),
    negotiate_message=b"",
    challenge_message=b"",
    now=datetime(2030, 1, 1, tzinfo=UTC),
    channel_binding=b"",
    binding_mode="require",
    spn_hosts=frozenset({"mail.example.test"}),
    require_mic=True,
)
HASHES = [nt_hash("Password"), nt_hash("abcde-fghij")]


def ntlm_samples():
    return [
        bytes.fromhex(value)
        for path in sorted(VECTORS.glob("*.json"))
        for key, value in json.loads(path.read_text()).items()
        if key.endswith("_message")
    ]


NTLM_SAMPLES = ntlm_samples()
TOKENS = [
    *NTLM_SAMPLES,
    *(encode_init([NTLM_OID], sample, b"m" * 16) for sample in NTLM_SAMPLES),
    *(encode_resp(response_token=sample) for sample in NTLM_SAMPLES),
]


@st.composite
def mutated(draw):
    """A sample with up to six pieces overwritten, cut out, or put in."""
    token = draw(st.sampled_from(TOKENS))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(token)))
        cut = draw(st.integers(0, 8))
        token = token[:at] + draw(st.binary(max_size=8)) + token[at + cut :]
    return token


def walk(token):
    """What the gateway and identity would do with a token, to the end; gives the proof's result where it comes so far."""
    if not is_ntlmssp(token):
        inner = unwrap(token).ntlm_message
        return None if inner is None else walk(inner)
    match message_type(token):
        case 1:
            parse_negotiate(token)
        case 2:
            parse_challenge(token)
        case _:
            message = parse_authenticate(token)
            assert isinstance(login_from_ntlm(message.user, message.domain), LoginName)
            return verify_proof(message, token, EXPECTATION, HASHES)
    return None


def test_there_are_samples():
    assert len(NTLM_SAMPLES) >= 8


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(), st.sampled_from([b"NTLM", b"Negotiate"]))
def test_mutated_tokens(token, scheme):
    try:
        authorization = parse_authorization(scheme + b" " + base64.b64encode(token))
        assert isinstance(authorization, NtlmAuthorization | NegotiateAuthorization)
        result = walk(authorization.token)
    except MalformedMessage:
        return
    assert result is None or (isinstance(result, NtlmProofResult) and not result.is_accepted)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=400))
def test_mutated_values(value):
    try:
        parse_authorization(value)
    except MalformedMessage as refused:
        assert refused.status == 400  # noqa: PT017 - the refusal itself is the result
