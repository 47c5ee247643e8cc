"""NTLM: a proof over our own challenge, and later requests on a connection that was authenticated whole.

The proof is tried against sixteen hashes, whether the account exists or not. Only app passwords that allow NTLM are
among them; a human-chosen secret never is.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from handfast.decision.access import AccessRequest, ConnectionCredential, NtlmCredential
from handfast.decision.outcome import Challenge, Deny
from handfast.decision.publication import AuthMethod, Publication
from handfast.decision.reasons import Reason
from handfast.decision.services import Services
from handfast.decision.stages.credential import Authenticated, Identification, identified
from handfast.decision.stages.credential_basic import NOBODY
from handfast.decision.stages.credential_ticket import resume_ticket
from handfast.identity.app_passwords import find_refusal
from handfast.identity.names import resolve_account
from handfast.identity.nt_candidates import NtCandidates
from handfast.identity.ntlm_challenges import ConnectionSession, PendingChallenge, open_session
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AppPassword, AppPasswordId
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.login_name import login_from_ntlm
from handfast.protocols.ntlm.messages import AuthenticateMessage, parse_authenticate
from handfast.protocols.ntlm.verify import NtlmExpectation, NtlmRefusal, check_form, verify_proof


def reason_of(refusal: NtlmRefusal) -> Reason:
    """Our reason for each refusal of the protocol."""
    match refusal:
        case NtlmRefusal.MALFORMED:
            return Reason.NTLM_MALFORMED
        case NtlmRefusal.VERSION:
            return Reason.NTLM_VERSION_REFUSED
        case NtlmRefusal.ANONYMOUS:
            return Reason.NTLM_ANONYMOUS
        case NtlmRefusal.MIC:
            return Reason.NTLM_MIC_WRONG
        case NtlmRefusal.TIMESTAMP:
            return Reason.NTLM_TIMESTAMP_OFF
        case NtlmRefusal.BINDING_MISSING:
            return Reason.CHANNEL_BINDING_MISSING
        case NtlmRefusal.BINDING_WRONG:
            return Reason.CHANNEL_BINDING_WRONG
        case NtlmRefusal.SPN:
            return Reason.TARGET_SPN_WRONG
        case _:
            assert_never(refusal)


async def identify_ntlm(
    services: Services, publication: Publication, credential: NtlmCredential
) -> Identification:
    """Whose proof this is. The challenge is spent first, whatever comes of it. Raises: Unavailable."""
    now = services.clock.now()
    challenge = services.challenges.take(
        credential.challenge_id,
        publication=publication.name,
        connection_id=credential.connection_id,
        now=now,
    )
    if AuthMethod.NTLM not in publication.credentials.methods:
        return Identification(Deny(Reason.METHOD_NOT_OFFERED, rule="ntlm"))
    try:
        message = parse_authenticate(credential.authenticate)
    except MalformedMessage as error:
        return Identification(Deny(Reason.NTLM_MALFORMED, detail=str(error)), is_failure=True)
    login = str(login_from_ntlm(message.user, message.domain))
    refusal = check_form(message)
    if challenge is None or refusal is not None:
        reason = Reason.NTLM_CHALLENGE_UNKNOWN if refusal is None else reason_of(refusal)
        return Identification(Deny(reason), login, workstation=message.workstation, is_failure=True)
    return await _identify_proof(services, publication, credential, message, challenge, login, now)


async def _identify_proof(
    services: Services,
    publication: Publication,
    credential: NtlmCredential,
    message: AuthenticateMessage,
    challenge: PendingChallenge,
    login: str,
    now: datetime,
) -> Identification:
    account, found, passwords = await services.records.look_up(
        lambda repositories: _look_up(services, publication, repositories, message, now)
    )
    expectation = _expectation(publication, credential, challenge, now)
    result = verify_proof(message, credential.authenticate, expectation, found.hashes)
    password_id = None if result.index is None else found.passwords[result.index]
    password = passwords.get(password_id) if password_id is not None else None
    if account is None or password is None:
        reason = Reason.ACCOUNT_UNKNOWN if account is None else Reason.CREDENTIAL_WRONG
        return Identification(Deny(reason), login, workstation=message.workstation, is_failure=True)
    rule = f"app password {password.id}"
    if result.refusal is not None:
        denied = Deny(reason_of(result.refusal), rule=rule, detail=result.refusal.meaning)
        return Identification(denied, login, workstation=message.workstation, is_failure=True)
    return identified(login, Authenticated(account, password, starts_session=True), rule)


def _look_up(
    services: Services,
    publication: Publication,
    repositories: Repositories,
    message: AuthenticateMessage,
    now: datetime,
) -> tuple[Account | None, NtCandidates, dict[AppPasswordId, AppPassword]]:
    account = resolve_account(
        repositories,
        login_from_ntlm(message.user, message.domain),
        publication.credentials.default_domain or services.default_domain,
        services.neutral_domains,
    )
    # Nobody's passwords are looked for as well: an unknown name must not be told by what it spares the database.
    account_id = NOBODY if account is None else account.id
    rows = repositories.app_passwords.nt_hashes_of_account(account_id, now)
    live = {
        p.id: p for p in repositories.app_passwords.list_of_account(account_id) if not find_refusal(p, now)
    }
    return account, services.candidates.open(account_id, rows), live


def _expectation(
    publication: Publication, credential: NtlmCredential, challenge: PendingChallenge, now: datetime
) -> NtlmExpectation:
    policy = publication.credentials
    return NtlmExpectation(
        server_challenge=challenge.server_challenge,
        negotiate_message=credential.negotiate,
        challenge_message=challenge.message,
        now=now,
        channel_binding=credential.channel_binding,
        binding_mode=policy.channel_binding.value,
        spn_hosts=frozenset(publication.hosts) | policy.ntlm_targets,
        require_mic=policy.require_mic,
    )


async def identify_connection(
    services: Services, publication: Publication, request: AccessRequest, credential: ConnectionCredential
) -> Identification:
    """Whose connection this is. Where the session is not good any more, the client is asked to sign in again."""
    now = services.clock.now()
    session = open_session(
        services.keyring,
        credential.session,
        node=request.node,
        connection_id=credential.connection_id,
        publication=publication.name,
        now=now,
    )
    if session is None:
        return _ask_again("unknown or too old")
    password_id = session.app_password_id
    if password_id is None:
        return await services.records.look_up(
            lambda repositories: resume_ticket(repositories, publication, request, session)
        )
    if AuthMethod.NTLM not in publication.credentials.methods:
        return _ask_again("no longer taken")
    return await services.records.look_up(
        lambda repositories: _resume(repositories, session, password_id, now)
    )


def _ask_again(why: str) -> Identification:
    return Identification(Challenge(Reason.CREDENTIAL_MISSING, rule="session", detail=why))


def _resume(
    repositories: Repositories, session: ConnectionSession, password_id: AppPasswordId, now: datetime
) -> Identification:
    account = repositories.accounts.find(session.account_id)
    password = repositories.app_passwords.find(password_id)
    if account is None or password is None or password.account_id != account.id:
        return Identification(Deny(Reason.CREDENTIAL_WRONG, rule="session"), session.login)
    refusal = find_refusal(password, now)
    if refusal is not None:
        return Identification(Deny(Reason.from_value(refusal.value), rule="session"), session.login)
    return identified(session.login, Authenticated(account, password), f"session, app password {password.id}")
