"""NTLM against the pipeline, with pyspnego (which shares no code with us) as the client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import spnego

from handfast.decision.access import ConnectionCredential, NtlmCredential
from handfast.decision.outcome import Outcome
from handfast.decision.publication import AuthMethod, ChannelBindingMode, CredentialPolicy
from handfast.decision.reasons import Reason
from handfast.decision.stages.credential_ntlm import reason_of
from handfast.identity.app_passwords import revoke_password
from handfast.identity.channels import Channel
from handfast.identity.ntlm_challenges import ConnectionSession, seal_session
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.verify import NtlmRefusal
from tests.fakes.identity_process import MAIL, IdentityProcess

BOTH = frozenset({AuthMethod.BASIC, AuthMethod.NTLM})
NTLM_MAIL = replace(MAIL, credentials=CredentialPolicy(methods=BOTH))


@pytest.fixture
def identity():
    process = IdentityProcess(publication=NTLM_MAIL)
    process.clock.time = datetime.now(UTC)  # the client's own clock can't be set
    yield process
    assert process.errors == []


async def handshake(
    identity, user: str, secret: str, *, connection="c1", claimed=None, host="mail.example.com"
):
    """The last leg, ready to be evaluated."""
    client = spnego.client(user, secret, hostname=host, service="http", protocol="ntlm")
    negotiate = client.step()
    issued = await identity.pipeline.issue_challenge("mail", connection, negotiate)
    authenticate = client.step(issued.message)
    return NtlmCredential(issued.challenge_id, claimed or connection, negotiate, authenticate)


async def sign_in(identity, user, secret, **more):
    credential = await handshake(identity, user, secret, **more)
    return await identity.pipeline.evaluate(identity.request(credential))


@pytest.mark.parametrize("user", ["CONTOSO\\alice", "alice@contoso.lab", "alice", "HANDFAST\\alice"])
async def test_both_forms_of_the_password_and_all_forms_of_the_name_sign_in(identity, user):
    secret, _ = await identity.issue(await identity.add_account(), ntlm=True)
    assert (await sign_in(identity, user, secret)).reason is Reason.ALLOWED
    assert (await sign_in(identity, user, secret.replace("-", ""))).reason is Reason.ALLOWED


async def test_what_must_not_sign_in(identity):
    account = await identity.add_account()
    secret, password = await identity.issue(account, ntlm=True)
    basic_only, _ = await identity.issue(account)
    user = "CONTOSO\\alice"
    assert (await sign_in(identity, user, "wrong")).reason is Reason.CREDENTIAL_WRONG
    assert (await sign_in(identity, user, basic_only)).reason is Reason.CREDENTIAL_WRONG
    assert (await sign_in(identity, "CONTOSO\\ghost", secret)).reason is Reason.ACCOUNT_UNKNOWN
    assert (await sign_in(identity, user, secret, host="evil.test")).reason is Reason.TARGET_SPN_WRONG
    foreign = await sign_in(identity, user, secret, claimed="c2")
    assert foreign.reason is Reason.NTLM_CHALLENGE_UNKNOWN
    await identity.records.write(
        lambda r: revoke_password(r, account, password.id, now=identity.clock.now(), actor="uid:0")
    )
    assert (await sign_in(identity, user, secret)).reason is Reason.CREDENTIAL_WRONG


async def test_a_client_may_call_us_by_a_configured_name(identity):
    secret, _ = await identity.issue(await identity.add_account(), ntlm=True)
    policy = CredentialPolicy(methods=BOTH, ntlm_targets=frozenset({"192.0.2.80"}))
    refused = await sign_in(identity, "CONTOSO\\alice", secret, host="192.0.2.80")
    assert refused.reason is Reason.TARGET_SPN_WRONG
    identity.publish(replace(MAIL, credentials=policy))
    allowed = await sign_in(identity, "CONTOSO\\alice", secret, host="192.0.2.80")
    assert allowed.outcome is Outcome.ALLOW


async def test_a_challenge_is_good_once_and_for_a_minute(identity):
    secret, _ = await identity.issue(await identity.add_account(), ntlm=True)
    credential = await handshake(identity, "CONTOSO\\alice", secret)
    assert (await identity.pipeline.evaluate(identity.request(credential))).outcome is Outcome.ALLOW
    replayed = await identity.pipeline.evaluate(identity.request(credential))
    assert replayed.reason is Reason.NTLM_CHALLENGE_UNKNOWN

    late = await handshake(identity, "CONTOSO\\alice", secret)
    identity.clock.advance(seconds=61)
    stale = await identity.pipeline.evaluate(identity.request(late))
    assert stale.reason is Reason.NTLM_CHALLENGE_UNKNOWN


async def test_a_required_binding_that_is_missing_refuses(identity):
    strict = CredentialPolicy(methods=BOTH, channel_binding=ChannelBindingMode.REQUIRE)
    identity.publish(replace(MAIL, credentials=strict))
    secret, _ = await identity.issue(await identity.add_account(), ntlm=True)
    decision = await sign_in(identity, "CONTOSO\\alice", secret)
    assert decision.reason is Reason.CHANNEL_BINDING_MISSING


async def test_the_session_of_a_connection_is_looked_up_anew_each_time(identity):
    account = await identity.add_account()
    secret, password = await identity.issue(account, ntlm=True)
    first = await sign_in(identity, "CONTOSO\\alice", secret)
    assert first.grant is not None
    session = first.grant.session
    assert session

    async def later(connection="c1", **more):
        request = identity.request(ConnectionCredential(connection, session), **more)
        return await identity.pipeline.evaluate(request)

    again = await later()
    assert again.outcome is Outcome.ALLOW
    assert again.grant is not None
    assert again.grant.session == b"", "only a handshake makes a session"
    assert (await later(device="OTHER")).reason is Reason.APP_PASSWORD_OTHER_DEVICE
    for refused in (await later("c2"), await later(node="dmz2")):
        assert (refused.outcome, refused.reason) == (Outcome.CHALLENGE, Reason.CREDENTIAL_MISSING)

    await identity.records.write(
        lambda r: revoke_password(r, account, password.id, now=identity.clock.now(), actor="uid:0")
    )
    assert (await later()).reason is Reason.APP_PASSWORD_REVOKED
    await identity.records.write(lambda r: r.accounts.remove(account.id))
    assert (await later()).reason is Reason.CREDENTIAL_WRONG
    identity.clock.advance(minutes=61)
    assert (await later()).reason is Reason.CREDENTIAL_MISSING


async def test_a_publication_without_ntlm_takes_none(identity):
    secret, _ = await identity.issue(await identity.add_account(), ntlm=True)
    credential = await handshake(identity, "CONTOSO\\alice", secret)
    identity.publish(MAIL)
    refused = await identity.pipeline.evaluate(identity.request(credential))
    assert refused.reason is Reason.METHOD_NOT_OFFERED
    with pytest.raises(MalformedMessage):
        await identity.pipeline.issue_challenge("mail", "c1", credential.negotiate)
    identity.publish(replace(MAIL, credentials=CredentialPolicy(methods=frozenset({AuthMethod.NTLM}))))
    assert (await identity.basic(secret)).reason is Reason.METHOD_NOT_OFFERED


async def test_rubbish_is_malformed_and_counts_as_a_failure(identity):
    credential = NtlmCredential("none", "c1", b"", b"NTLMSSP\0rubbish")
    for _ in range(6):
        decision = await identity.pipeline.evaluate(identity.request(credential))
        assert decision.reason is Reason.NTLM_MALFORMED
    assert decision.delay_seconds > 0


async def test_the_same_wrong_secret_of_one_workstation_counts_once(identity):
    await identity.add_account()
    for _ in range(30):
        decision = await sign_in(identity, "CONTOSO\\alice", "old password")
        assert decision.reason is Reason.CREDENTIAL_WRONG
    assert identity.services.delays.failures_of("192.0.2.10", identity.clock.now()) == 1
    assert identity.records.tables.counters == {}


async def test_a_password_of_another_profile_opens_nothing_by_ntlm_either(identity):
    account = await identity.add_account()
    secret, _ = await identity.issue(account, channels=frozenset({Channel.EWS}), ntlm=True)
    assert (await sign_in(identity, "CONTOSO\\alice", secret)).reason is Reason.PROFILE_REFUSED


def test_every_refusal_of_the_protocol_has_its_own_reason():
    assert len({reason_of(refusal) for refusal in NtlmRefusal}) == len(NtlmRefusal)


def test_a_refusal_that_nobody_mapped_is_a_mistake_of_the_program():
    with pytest.raises(AssertionError):
        reason_of("new")


async def test_where_ntlm_is_no_longer_offered_its_sessions_end(identity):
    secret, _ = await identity.issue(await identity.add_account(), ntlm=True)
    session = (await sign_in(identity, "CONTOSO\\alice", secret)).grant.session
    again = identity.request(ConnectionCredential("c1", session))
    assert (await identity.pipeline.evaluate(again)).reason is Reason.ALLOWED
    identity.publish(MAIL)
    refused = await identity.pipeline.evaluate(again)
    assert (refused.outcome, refused.reason) == (Outcome.CHALLENGE, Reason.CREDENTIAL_MISSING)


async def test_a_session_that_a_ticket_began_is_no_ntlm_session(identity):
    account = await identity.add_account()
    session = ConnectionSession(account.id, None, "mail", "alice@CONTOSO.LAB", identity.clock.now())
    sealed = seal_session(identity.keyring, session, node="local", connection_id="c1")
    decision = await identity.pipeline.evaluate(identity.request(ConnectionCredential("c1", sealed)))
    assert (decision.outcome, decision.reason) == (Outcome.CHALLENGE, Reason.CREDENTIAL_MISSING)
