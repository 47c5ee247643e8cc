import contextlib
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ClaimedDevice,
    ConnectionCredential,
    Facts,
    NoCredential,
    NtlmCredential,
    TicketCredential,
)
from handfast.decision.outcome import Decision, Grant, Outcome, PhoneWords, WipeOrder
from handfast.decision.ports import (
    BackendAuthorization,
    GatewayEvent,
    IssuedChallenge,
    RevocationBatch,
    WipeProgress,
    WipeReport,
)
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.identity.policies import PhoneRefusals
from handfast.identity.records import Revocation, RevocationScope, StageTrace, WipeKind
from handfast.identity_api import codec, revocation_codec
from handfast.identity_api.fields import encode_object, parse_object, to_base64
from handfast.identity_api.wire import MAX_BODY_BYTES
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.tokens import MAX_TOKEN_BYTES

text = st.text(max_size=12)
octets = st.binary(max_size=40)
ids = st.integers(0, 2**63 - 1)
numbers = st.floats(0, 1e9, allow_nan=False)
credentials = st.one_of(
    st.builds(NoCredential),
    st.builds(BasicCredential, text, text),
    st.builds(NtlmCredential, text, text, octets, octets, octets),
    st.builds(TicketCredential, octets, text, octets),
    st.builds(ConnectionCredential, text, octets),
)
requests = st.builds(
    AccessRequest,
    request_id=text,
    node=text,
    listener=text,
    source=text,
    publication=text,
    rule=text,
    channel=st.sampled_from(Channel),
    credential=credentials,
    host=text,
    device=st.none() | st.builds(ClaimedDevice, text, text),
    facts=st.builds(Facts, text, text, text),
    command=text,
    request_line=text,
)
grants = st.builds(
    Grant,
    grant_id=text,
    publication=text,
    account_id=ids,
    principal=text,
    epoch=ids,
    lifetime_seconds=numbers,
    device_id=st.none() | text,
    app_password_id=st.none() | ids,
    node=text,
    session=octets,
)
stages = st.lists(st.builds(StageTrace, text, text, text, text, text), max_size=3).map(tuple)
authorizations = st.builds(
    BackendAuthorization,
    st.lists(st.tuples(octets, octets), max_size=3).map(tuple),
    text,
    handle=text,
    is_single_use=st.booleans(),
)
decisions = st.one_of(
    st.builds(
        Decision,
        outcome=st.just(Outcome.ALLOW),
        reason=st.sampled_from(Reason),
        grant=grants,
        stages=stages,
        login=text,
        authorization=st.none() | authorizations,
        answer_token=octets,
    ),
    st.builds(
        Decision,
        outcome=st.sampled_from([Outcome.DENY, Outcome.CHALLENGE]),
        reason=st.sampled_from(Reason),
        grant=st.none(),
        stages=stages,
        retry_after_seconds=st.none() | ids,
        delay_seconds=numbers,
        login=text,
        wipe=st.none()
        | st.builds(WipeOrder, st.sampled_from([WipeKind.DEVICE, WipeKind.ACCOUNT_ONLY]), octets),
        telling=octets,
        is_repeat=st.booleans(),
        phone_words=st.none() | st.builds(PhoneWords, st.sampled_from(PhoneRefusals), text),
    ),
)
pairs = st.lists(st.tuples(text, text), max_size=3).map(tuple)
revocations = st.builds(
    Revocation,
    epoch=ids,
    scope=st.sampled_from(RevocationScope),
    at=st.datetimes(timezones=st.just(UTC)),
    account_id=st.none() | ids,
    device_id=st.none() | text,
    app_password_id=st.none() | ids,
    publication=st.none() | text,
    node=st.none() | text,
)
KINDS = [
    (requests, codec.encode_access_request, codec.decode_access_request),
    (decisions, codec.encode_decision, codec.decode_decision),
    (grants, codec.encode_grant, codec.decode_grant),
    (st.builds(IssuedChallenge, text, octets), codec.encode_challenge, codec.decode_challenge),
    (
        authorizations,
        codec.encode_authorization,
        codec.decode_authorization,
    ),
    (st.builds(GatewayEvent, text, text, text, ids, pairs), codec.encode_event, codec.decode_event),
    (
        st.builds(WipeReport, octets, st.sampled_from(WipeProgress), st.integers(0, 65_535), text),
        codec.encode_wipe_report,
        codec.decode_wipe_report,
    ),
    (
        st.builds(RevocationBatch, ids, st.lists(revocations, max_size=3).map(tuple), st.booleans()),
        revocation_codec.encode_batch,
        revocation_codec.decode_batch,
    ),
]
KIND_NAMES = ["request", "decision", "grant", "challenge", "authorization", "event", "wipe", "batch"]
kinds = pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)


@kinds
def test_what_is_encoded_decodes_to_the_same(kind):
    values, encode, decode = kind

    @given(values)
    def same(value):
        assert decode(parse_object(encode_object(encode(value)))) == value

    same()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@kinds
def test_any_object_gives_a_value_or_malformed(kind):
    values, encode, decode = kind

    @given(values, st.data())
    def damaged(value, data):
        encoded = parse_object(encode_object(encode(value)))
        name = data.draw(st.sampled_from(sorted(encoded)))
        encoded[name] = data.draw(json_values)
        with contextlib.suppress(MalformedMessage):
            decode(encoded)

    damaged()


@kinds
def test_missing_and_unknown_fields_are_refused(kind):
    values, encode, decode = kind

    @given(values)
    def refused(value):
        encoded = encode(value)
        for name in encoded:
            with pytest.raises(MalformedMessage):
                decode({key: item for key, item in encoded.items() if key != name})
        with pytest.raises(MalformedMessage):
            decode({**encoded, "more": 1})

    refused()


@given(st.binary(max_size=60))
def test_any_bytes_give_an_object_or_malformed(body: bytes):
    with contextlib.suppress(MalformedMessage):
        assert isinstance(parse_object(body), dict)


@pytest.mark.parametrize("body", [b"[" * 100000, b'{"a":NaN}', b"[]", b"1" * 5000, b'{"a":' * 3000, b"\xff"])
def test_hostile_json_is_malformed(body: bytes):
    with pytest.raises(MalformedMessage):
        parse_object(body)


def test_a_grant_without_allow_is_refused_and_allow_without_a_grant():
    denied = codec.encode_decision(Decision(Outcome.DENY, Reason.DEVICE_BLOCKED))
    with pytest.raises(MalformedMessage, match="exactly when"):
        codec.decode_decision(parse_object(encode_object({**denied, "outcome": "allow"})))


def test_a_sign_in_without_a_grant_is_refused():
    denied = parse_object(encode_object(codec.encode_decision(Decision(Outcome.DENY, Reason.DEVICE_BLOCKED))))
    with pytest.raises(MalformedMessage, match="with a grant alone"):
        codec.decode_decision({**denied, "authorization": {"headers": [], "version": ""}})


def test_our_proof_is_for_those_who_are_let_in_alone():
    denied = parse_object(encode_object(codec.encode_decision(Decision(Outcome.DENY, Reason.DEVICE_BLOCKED))))
    with pytest.raises(MalformedMessage, match="answer_token"):
        codec.decode_decision({**denied, "answer_token": to_base64(b"proof")})


def test_a_ticket_has_its_limits():
    made = codec.encode_credential(TicketCredential(bytes(MAX_TOKEN_BYTES), "c1", bytes(256)))
    assert codec.decode_credential(made) == TicketCredential(bytes(MAX_TOKEN_BYTES), "c1", bytes(256))
    assert len(encode_object(made)) < MAX_BODY_BYTES
    for name, size in (("token", MAX_TOKEN_BYTES), ("channel_binding", codec.MAX_BINDING_BYTES)):
        with pytest.raises(MalformedMessage, match="above"):
            codec.decode_credential({**made, name: to_base64(bytes(size + 1))})


def test_words_for_a_phone_come_with_a_denial():
    grant = Grant("g", "mail", 1, "alice", 1, 300.0)
    allowed = codec.encode_decision(Decision(Outcome.ALLOW, Reason.ALLOWED, grant=grant))
    words = {"refusals": "http", "quarantine_message": "call us"}
    for wrong in ({**allowed, "phone_words": words}, {**allowed, "outcome": "deny", "phone_words": {}}):
        with pytest.raises(MalformedMessage):
            codec.decode_decision(parse_object(encode_object(wrong)))


def test_an_order_to_wipe_comes_with_a_denial_and_orders_something():
    denied = codec.encode_decision(Decision(Outcome.DENY, Reason.DEVICE_WIPE_PENDING))
    grant = Grant("g", "mail", 1, "alice", 1, 300.0)
    allowed = codec.encode_decision(Decision(Outcome.ALLOW, Reason.ALLOWED, grant=grant))
    order = {"kind": "device", "note": ""}
    assert codec.decode_decision(parse_object(encode_object({**denied, "wipe": order}))).wipe is not None
    for wrong in ({**allowed, "wipe": order}, {**denied, "wipe": {**order, "kind": ""}}):
        with pytest.raises(MalformedMessage, match="wipe"):
            codec.decode_decision(parse_object(encode_object(wrong)))


def test_a_note_for_what_a_device_says_comes_with_a_denial():
    grant = Grant("g", "mail", 1, "alice", 1, 300.0)
    allowed = codec.encode_decision(Decision(Outcome.ALLOW, Reason.ALLOWED, grant=grant))
    with pytest.raises(MalformedMessage, match="telling"):
        codec.decode_decision(parse_object(encode_object({**allowed, "telling": "bm90ZQ=="})))


def test_a_wipes_status_is_a_small_number():
    report = codec.encode_wipe_report(WipeReport(b"", WipeProgress.FAILED, 2))
    with pytest.raises(MalformedMessage, match="status"):
        codec.decode_wipe_report({**report, "status": 65_536})


def test_lone_surrogates_are_refused():
    with pytest.raises(MalformedMessage, match="no text"):
        codec.decode_credential({"kind": "basic", "login": "\ud800", "secret": ""})


def test_stages_can_be_left_out():
    decision = Decision(Outcome.DENY, Reason.DEVICE_BLOCKED, stages=(StageTrace("device", "deny"),))
    assert codec.encode_decision(decision, with_stages=False)["stages"] == []
