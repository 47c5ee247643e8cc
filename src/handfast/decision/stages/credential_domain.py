"""Domain passwords, on the listeners where a publication takes them: the directory says, behind a soft lockout.

Only accounts that are mirrored from the directory get there, and only where no access rule would refuse what they sign
in with. Everything else is answered as if it had been asked, see `domain_passwords`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from handfast.decision.access import AccessRequest, BasicCredential
from handfast.decision.outcome import Deny
from handfast.decision.publication import Publication
from handfast.decision.reasons import Reason
from handfast.decision.services import Services
from handfast.decision.stages.access import choose_rule
from handfast.decision.stages.credential import (
    LOCKOUT_NAME,
    Authenticated,
    CredentialKind,
    Identification,
    identified,
)
from handfast.identity.counters import Scope, scopes_of_account
from handfast.identity.directory.ports import AnswerLost, Directory, LockoutUnreadable, PasswordVerdict
from handfast.identity.directory.standing import StandingRefusal, read_standing
from handfast.identity.domain_lockout import (
    AttemptVerdict,
    DomainAttempt,
    SoftLockout,
    begin_attempt,
    end_lost,
    end_uncounted,
    end_wrong,
    look_at_attempt,
    secret_digest,
    soft_lockout,
)
from handfast.identity.ports import Repositories, Unavailable
from handfast.identity.records import Account, StageTrace

RULE = "domain password"
MARGIN_RULE = "directory.lockout_margin"
MAX_SECRET_CHARACTERS = 256
"""Longer ones no domain has. Source: MS-SAMR 3.1.1.8.7 (256 UTF-16 units)."""
WRONG_AGAIN = "wrong again"


@dataclass(frozen=True, slots=True)
class DomainAnswer:
    """What came of asking: the refusal, or None and until when the password's being right counts."""

    denied: Deny | None
    authenticated: Authenticated | None = None
    locked_by: Scope | None = None


def is_domain_listener(services: Services, publication: Publication, request: AccessRequest) -> bool:
    """True where domain passwords are taken at all: named in the settings, listener by listener."""
    listeners = publication.credentials.domain_password_listeners
    return services.directory is not None and request.listener in listeners


def may_ask_domain(
    services: Services,
    repositories: Repositories,
    publication: Publication,
    request: AccessRequest,
    account: Account | None,
) -> bool:
    """True where the directory may be asked about this account: it has it, and no access rule refuses such a sign-in."""
    if account is None or account.directory is None or account.is_gone or not account.is_named:
        return False
    if not is_domain_listener(services, publication, request):
        return False
    # Who may not sign in anyway is not tried: the answer would tell whether the password is right.
    standing = read_standing(repositories, account, publication.directory, services.clock.now())
    if standing.refusal not in (None, StandingRefusal.MIRROR_TOO_OLD):
        return False
    rule = choose_rule(repositories, publication, request, account)
    return not publication.access or (rule is not None and rule.takes(CredentialKind.DOMAIN_PASSWORD))


async def identify_domain(
    services: Services,
    publication: Publication,
    request: AccessRequest,
    credential: BasicCredential,
    account: Account,
) -> Identification:
    """Whether this is the account's domain password. Equal questions that come together are one. Raises: Unavailable."""
    directory, secret = services.directory, credential.secret
    assert directory is not None
    if not 0 < len(secret) <= MAX_SECRET_CHARACTERS:
        return Identification(Deny(Reason.CREDENTIAL_WRONG, rule=RULE), credential.login, is_failure=True)
    digest = secret_digest(services.keyring, account, secret)
    until = services.domain_passwords.find_right(digest, services.clock.now())
    if until is not None:
        known = Authenticated(account, None, kind=CredentialKind.DOMAIN_PASSWORD, good_until=until)
        return identified(credential.login, known, f"{RULE}, asked a moment ago")
    answer = await services.shared.share(
        f"{account.id}:{digest}",
        lambda: _ask(services, directory, publication, request, account, secret, digest),
    )
    before = (_lockout_trace(answer.locked_by),)
    if answer.authenticated is not None:
        return identified(credential.login, answer.authenticated, RULE, before)
    assert answer.denied is not None
    is_guess = answer.denied.reason is not Reason.DIRECTORY_UNAVAILABLE
    is_repeat = answer.denied.rule == WRONG_AGAIN
    return Identification(
        answer.denied, credential.login, before=before, is_failure=is_guess, is_repeat=is_repeat
    )


async def _ask(
    services: Services,
    directory: Directory,
    publication: Publication,
    request: AccessRequest,
    account: Account,
    secret: str,
    digest: str,
) -> DomainAnswer:
    """One attempt: reserved, made, and settled by what the domain did with it."""
    margin, policy = publication.credentials.lockout_margin, publication.lockout
    try:
        soft = soft_lockout(await directory.lockout(account), margin, policy)
    except LockoutUnreadable as unreadable:
        return _not_tried(str(unreadable))
    except Unavailable as problem:
        return _unavailable(services, str(problem))
    if soft.leaves_nothing:
        return _not_tried(f"the domain locks the account after {soft.limit + margin} failures")
    attempt = await _reserve(services, publication, request, account, digest, soft)
    refused = _refused(attempt)
    if refused is not None:
        return refused
    return await _settle(services, directory, attempt, secret)


def _not_tried(detail: str) -> DomainAnswer:
    """Whatever the password: it is not known how many wrong ones lock the account, or one too few."""
    return DomainAnswer(Deny(Reason.DOMAIN_PASSWORD_NOT_TRIED, rule=MARGIN_RULE, detail=detail))


async def _reserve(
    services: Services,
    publication: Publication,
    request: AccessRequest,
    account: Account,
    digest: str,
    soft: SoftLockout,
) -> DomainAttempt:
    """By reading alone where it may not be made."""
    policy, now = publication.lockout, services.clock.now()
    device_id = None if request.device is None else request.device.device_id
    attempt = await services.records.look_up(
        lambda repositories: look_at_attempt(repositories.counters, account, digest, soft, now)
    )
    if attempt.verdict is not AttemptVerdict.MAY:
        return attempt

    def work(repositories: Repositories) -> DomainAttempt:
        scopes = scopes_of_account(repositories.counters, policy, account.id, device_id, request.source, now)
        return begin_attempt(repositories, attempt, scopes, policy)

    return await services.records.write(work)


def _refused(attempt: DomainAttempt) -> DomainAnswer | None:
    """Why the domain is not asked; None where it may be."""
    match attempt.verdict:
        case AttemptVerdict.MAY:
            return None
        case AttemptVerdict.WRONG_AGAIN:
            return DomainAnswer(Deny(Reason.CREDENTIAL_WRONG, rule=WRONG_AGAIN))
        case AttemptVerdict.BEING_TRIED:
            detail = "another identity process asks about it just now"
            return DomainAnswer(Deny(Reason.DIRECTORY_UNAVAILABLE, rule=RULE, detail=detail))
        case AttemptVerdict.LOCKED:
            assert attempt.locked_by is not None
            denied = Deny(Reason.ACCOUNT_LOCKED_OUT, rule=attempt.locked_by.kind.value)
            return DomainAnswer(denied, locked_by=attempt.locked_by)
        case _:
            assert_never(attempt.verdict)


async def _settle(
    services: Services, directory: Directory, attempt: DomainAttempt, secret: str
) -> DomainAnswer:
    records, account = services.records, attempt.account
    try:
        verdict = await directory.check_password(account, secret)
    except AnswerLost as lost:
        await records.write(lambda r: end_lost(r, attempt))
        return _unavailable(services, str(lost))
    except Unavailable as problem:
        await records.write(lambda r: end_uncounted(r, attempt, is_answered=False))
        return _unavailable(services, str(problem))
    now = services.clock.now()
    services.domain_passwords.note_answer(now - attempt.at)
    if verdict is PasswordVerdict.WRONG:
        await records.write(lambda r: end_wrong(r, attempt, now))
    else:
        await records.write(lambda r: end_uncounted(r, attempt, is_answered=True))
    denied = _denial(verdict)
    if denied is not None:
        return DomainAnswer(denied)
    until = services.domain_passwords.remember_right(attempt.digest, now)
    authenticated = Authenticated(
        account, None, attempt.scopes, kind=CredentialKind.DOMAIN_PASSWORD, good_until=until
    )
    return DomainAnswer(None, authenticated)


def _denial(verdict: PasswordVerdict) -> Deny | None:
    """Our reason for each verdict. A locked account is told as any lockout: the domain says so whatever the password."""
    match verdict:
        case PasswordVerdict.RIGHT:
            return None
        case PasswordVerdict.WRONG:
            return Deny(Reason.CREDENTIAL_WRONG, rule=RULE)
        case PasswordVerdict.DISABLED:
            return Deny(Reason.ACCOUNT_DISABLED_IN_DIRECTORY, rule=RULE)
        case PasswordVerdict.LOCKED:
            return Deny(Reason.ACCOUNT_LOCKED_OUT, rule=RULE, detail="the domain has locked the account")
        case PasswordVerdict.EXPIRED:
            return Deny(Reason.ACCOUNT_EXPIRED, rule=RULE)
        case PasswordVerdict.MUST_CHANGE:
            return Deny(Reason.DOMAIN_PASSWORD_EXPIRED, rule=RULE)
        case _:
            assert_never(verdict)


def _unavailable(services: Services, detail: str) -> DomainAnswer:
    services.domain_passwords.note_outage(services.clock.now())
    return DomainAnswer(Deny(Reason.DIRECTORY_UNAVAILABLE, rule=RULE, detail=detail))


def as_unavailable(identification: Identification) -> Identification:
    """The refusal of a name that the directory is not asked about, while it is out: told as for one that it has."""
    denied = Deny(Reason.DIRECTORY_UNAVAILABLE, rule=RULE, detail="not asked: nobody answers just now")
    return replace(identification, result=denied, is_failure=False)


def _lockout_trace(full: Scope | None) -> StageTrace:
    if full is None:
        return StageTrace(LOCKOUT_NAME, "pass")
    return StageTrace(LOCKOUT_NAME, "deny", Reason.ACCOUNT_LOCKED_OUT.value, full.kind.value, full.scope)
