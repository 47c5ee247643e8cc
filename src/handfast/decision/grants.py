"""What a good decision gives the gateway: a grant with its end, and after NTLM a sealed session for the connection."""

from __future__ import annotations

from handfast.decision.access import NtlmCredential
from handfast.decision.evaluations import TEXT_LIMIT
from handfast.decision.outcome import MAX_GRANT_SECONDS, Grant
from handfast.decision.question import Question
from handfast.decision.services import Services
from handfast.decision.settlement import Judgement
from handfast.identity.names import principal_of
from handfast.identity.ntlm_challenges import ConnectionSession, seal_session


def build_grant(services: Services, question: Question, judgement: Judgement, login: str) -> Grant:
    """The grant of a judgement without denial; `login` is the name as sent."""
    assert judgement.account is not None
    password = judgement.password
    owner = question.device_id
    if owner is None and password is not None:
        owner = password.bound_device_id
    return Grant(
        grant_id=services.randomness.token_bytes(16).hex(),
        publication=question.publication.name,
        account_id=judgement.account.id,
        principal=principal_of(judgement.account),
        epoch=judgement.epoch,
        lifetime_seconds=_lifetime(question, judgement),
        device_id=owner,
        app_password_id=None if password is None else password.id,
        node=question.request.node,
        session=_session(services, question, login),
    )


def _lifetime(question: Question, judgement: Judgement) -> float:
    """At most five minutes, and never beyond the password's own end."""
    seconds = min(MAX_GRANT_SECONDS, question.publication.grant_lifetime.total_seconds())
    password = judgement.password
    if password is None or password.expires_at is None:
        return seconds
    return min(seconds, (password.expires_at - question.now).total_seconds())


def _session(services: Services, question: Question, login: str) -> bytes:
    authenticated, credential = question.authenticated, question.request.credential
    if not authenticated.starts_session or authenticated.password is None:
        return b""
    assert isinstance(credential, NtlmCredential)
    session = ConnectionSession(
        authenticated.account.id,
        authenticated.password.id,
        question.publication.name,
        login[:TEXT_LIMIT],
        question.now,
    )
    return seal_session(
        services.keyring,
        session,
        node=question.request.node,
        connection_id=credential.connection_id,
    )
