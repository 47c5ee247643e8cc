"""Domain passwords, on the listeners where a publication takes them: the directory says, behind a soft lockout.

Only accounts that are mirrored from the directory get there, and only where no access rule would refuse what they sign
in with. Everything else is answered as if it had been asked: whoever proves to be somebody gets in, and everybody else is
told one thing, which depends on the controllers alone. Where the password was not sent, it is looked whether one answers
(`refuse_alike`), by the same connections, in the same order, within the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from handfast.decision.access import AccessRequest, BasicCredential
from handfast.decision.domain_passwords import can_be_domain_password
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
    TRYING,
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
from handfast.identity.sources import counted_source

RULE = "domain password"
MARGIN_RULE = "directory.lockout_margin"
WRONG_AGAIN = "wrong again"
LOOK = "look"
TOO_MANY = "too many wait for a domain controller"
NO_ANSWER_OF_LATE = "the password that was sent last got no answer"
PAUSE_SECONDS = 0.05
"""Between two looks at what another identity process asks about."""


@dataclass(frozen=True, slots=True)
class DomainAnswer:
    """What came of asking: the refusal, or None and until when the password's being right counts.

    `is_asked` is False where the directory was spared the question.
    """

    denied: Deny | None
    is_asked: bool = True
    authenticated: Authenticated | None = None
    locked_by: Scope | None = None

    @property
    def is_verdict(self) -> bool:
        """True where a controller said what it thinks of the password."""
        is_answered = self.denied is None or self.denied.reason is not Reason.DIRECTORY_UNAVAILABLE
        return self.is_asked and is_answered


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
    if not can_be_domain_password(secret):
        return Identification(Deny(Reason.CREDENTIAL_WRONG, rule=RULE), credential.login, is_failure=True)
    digest = secret_digest(services.keyring, account, secret)
    until = services.domain_passwords.find_right(digest, services.clock.now())
    if until is not None:
        known = Authenticated(account, None, kind=CredentialKind.DOMAIN_PASSWORD, good_until=until)
        return identified(credential.login, known, f"{RULE}, asked a moment ago")
    waiting, source = services.waiting, counted_source(request.source)
    if waiting.is_closed(services.clock.now(), source):
        return Identification(_unavailable(TOO_MANY), credential.login, asked_directory=True)
    try:
        with waiting.asking(source):
            answer = await services.shared.share(
                f"{account.id}:{digest}",
                lambda: _ask(services, directory, publication, request, account, secret, digest),
            )
    except TimeoutError:
        waiting.password_lost()
        answer = DomainAnswer(_unavailable("no answer in time"))
    if answer.is_verdict:
        waiting.password_answered()
    before = (_lockout_trace(answer.locked_by),)
    if answer.authenticated is not None:
        return identified(credential.login, answer.authenticated, RULE, before)
    assert answer.denied is not None
    is_guess = answer.denied.reason is not Reason.DIRECTORY_UNAVAILABLE
    return Identification(
        answer.denied,
        credential.login,
        before=before,
        is_failure=is_guess,
        asked_directory=answer.is_asked,
    )


async def refuse_alike(services: Services, request: AccessRequest, refused: Identification) -> Identification:
    """A refusal that the directory was not asked about, told as if it had been: while nobody answers, as for everybody.

    Whether somebody answers is found out after the request came, as it is where a password is asked about: so the first
    request of an outage tells no more than any other. A controller that answers all but passwords is not found out by looking:
    there the last password counts that somebody sent, and the first one that is lost tells that its name exists.
    """
    waiting = services.waiting
    if waiting.is_closed(services.clock.now(), counted_source(request.source)):
        return _as_unavailable(refused, TOO_MANY)
    if not waiting.has_many_looking:
        try:
            with waiting.looking():
                await _look(services)
        except (Unavailable, TimeoutError) as problem:
            return _as_unavailable(refused, str(problem) or "no answer in time")
    return _as_unavailable(refused, NO_ANSWER_OF_LATE) if waiting.is_password_lost else refused


async def _look(services: Services) -> None:
    """Whether a controller answers now. Raises: Unavailable, TimeoutError."""
    directory = services.directory
    assert directory is not None
    await services.shared.share_anew(LOOK, directory.look)
    services.waiting.heard(services.clock.now())


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
        return DomainAnswer(_unavailable(str(problem)))
    if soft.leaves_nothing:
        return _not_tried(f"the domain locks the account after {soft.limit + margin} failures")
    attempt = await _reserve(services, publication, request, account, digest, soft)
    since = services.clock.now()
    while attempt.verdict is AttemptVerdict.BEING_TRIED:
        # By another identity process, which writes down what it hears; should it have died, our turn comes.
        try:
            await _wait_for_another(services, since)
        except (Unavailable, TimeoutError) as problem:
            return DomainAnswer(_unavailable(str(problem)))
        attempt = await _reserve(services, publication, request, account, digest, soft)
    refused = _refused(attempt)
    if refused is not None:
        return refused
    return await _settle(services, directory, attempt, secret)


async def _wait_for_another(services: Services, since: datetime) -> None:
    """A look and a pause; nobody is waited for much longer than an attempt can take, nor where our clock is set meanwhile.

    Raises: Unavailable, TimeoutError.
    """
    await _look(services)
    if abs(services.clock.now() - since) > 2 * TRYING:
        raise Unavailable("another identity process does not finish asking")
    await services.shared.pause(PAUSE_SECONDS)


def _not_tried(detail: str) -> DomainAnswer:
    """Whatever the password: it is not known how many wrong ones lock the account, or one too few."""
    denied = Deny(Reason.DOMAIN_PASSWORD_NOT_TRIED, rule=MARGIN_RULE, detail=detail)
    return DomainAnswer(denied, is_asked=False)


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
    """Why the domain is not asked; None where it may be, at once or in turn."""
    match attempt.verdict:
        case AttemptVerdict.MAY | AttemptVerdict.BEING_TRIED:
            return None
        case AttemptVerdict.WRONG_AGAIN:
            return DomainAnswer(Deny(Reason.CREDENTIAL_WRONG, rule=WRONG_AGAIN), is_asked=False)
        case AttemptVerdict.LOCKED:
            assert attempt.locked_by is not None
            denied = Deny(Reason.ACCOUNT_LOCKED_OUT, rule=attempt.locked_by.kind.value)
            return DomainAnswer(denied, is_asked=False, locked_by=attempt.locked_by)
        case _:
            assert_never(attempt.verdict)


async def _settle(
    services: Services, directory: Directory, attempt: DomainAttempt, secret: str
) -> DomainAnswer:
    records, account = services.records, attempt.account
    try:
        verdict = await directory.check_password(account, secret)
    except AnswerLost as lost:
        services.waiting.password_lost()
        await records.write(lambda r: end_lost(r, attempt))
        return DomainAnswer(_unavailable(str(lost)))
    except Unavailable as problem:
        await records.write(lambda r: end_uncounted(r, attempt, is_answered=False))
        return DomainAnswer(_unavailable(str(problem)))
    now = services.clock.now()
    services.waiting.heard(now)
    is_sent = verdict is not PasswordVerdict.NOT_SENT
    if verdict is PasswordVerdict.WRONG:
        await records.write(lambda r: end_wrong(r, attempt, now))
    else:
        await records.write(lambda r: end_uncounted(r, attempt, is_answered=is_sent))
    denied = _denial(verdict)
    if denied is not None:
        return DomainAnswer(denied, is_asked=is_sent)
    until = services.domain_passwords.remember_right(attempt.digest, now)
    authenticated = Authenticated(
        account, None, attempt.scopes, kind=CredentialKind.DOMAIN_PASSWORD, good_until=until
    )
    return DomainAnswer(None, authenticated=authenticated)


def _denial(verdict: PasswordVerdict) -> Deny | None:
    """Our reason for each verdict. A locked account is told as any lockout: the domain says so whatever the password."""
    match verdict:
        case PasswordVerdict.RIGHT:
            return None
        case PasswordVerdict.WRONG:
            return Deny(Reason.CREDENTIAL_WRONG, rule=RULE)
        case PasswordVerdict.NOT_SENT:
            return Deny(
                Reason.CREDENTIAL_WRONG,
                rule=RULE,
                detail="not sent: the directory has no such account by that name now, or no password can be like this one",
            )
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


def _unavailable(detail: str) -> Deny:
    return Deny(Reason.DIRECTORY_UNAVAILABLE, rule=RULE, detail=detail)


def _as_unavailable(refused: Identification, detail: str) -> Identification:
    """What it would have been stays for administrators."""
    assert isinstance(refused.result, Deny)
    told = _unavailable(f"not asked ({refused.result.reason.value}): {detail}")
    return replace(refused, result=told, is_failure=False)


def _lockout_trace(full: Scope | None) -> StageTrace:
    if full is None:
        return StageTrace(LOCKOUT_NAME, "pass")
    return StageTrace(LOCKOUT_NAME, "deny", Reason.ACCOUNT_LOCKED_OUT.value, full.kind.value, full.scope)
