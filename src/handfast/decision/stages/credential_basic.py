"""Basic: an app password found by one probe, else (where the policy allows it) a human-chosen secret under lockout.

For accounts of a directory that secret is their domain password, on the listeners that take those (`credential_domain`).

Whether the name exists or not, the same probes are made, the same kind of counter is written and one slow hash is
computed, so that neither answer nor time tells one from the other. A generated secret is looked for first: what the
counters say concerns human-chosen secrets alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from handfast.decision.access import AccessRequest, BasicCredential
from handfast.decision.outcome import Deny
from handfast.decision.publication import AuthMethod, Publication
from handfast.decision.reasons import Reason
from handfast.decision.services import Services
from handfast.decision.stages.credential import (
    LOCKOUT_NAME,
    Authenticated,
    CredentialKind,
    Identification,
    identified,
)
from handfast.decision.stages.credential_domain import (
    identify_domain,
    is_domain_listener,
    may_ask_domain,
    refuse_alike,
)
from handfast.decision.stages.device import find_wipe
from handfast.decision.wrong_again import wrong_key
from handfast.identity.app_passwords import find_password, find_refusal
from handfast.identity.counters import (
    Reservation,
    Scope,
    reserve_attempt,
    scopes_of_account,
    scopes_of_unknown_name,
)
from handfast.identity.names import resolve_account
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AccountId, AppPassword, StageTrace
from handfast.protocols.http_auth.login_name import parse_login

NOBODY = AccountId(0)
"""No account has this id; probes for unknown names are made with it."""
MAX_HUMAN_SECRET_CHARACTERS = 256
"""A longer one was never set, and is not hashed."""
WRONG_AGAIN = "wrong again"
"""The rule that spoke where memory knew the answer."""


async def identify_basic(
    services: Services, publication: Publication, request: AccessRequest, credential: BasicCredential
) -> Identification:
    """Whose login and secret these are. Raises: Unavailable."""
    if AuthMethod.BASIC not in publication.credentials.methods:
        return Identification(Deny(Reason.METHOD_NOT_OFFERED, rule="basic"), credential.login)
    since = services.clock.now()
    found = await _identify(services, publication, request, credential)
    if not is_domain_listener(services, publication, request) or not isinstance(found.result, Deny):
        return found
    if not found.asked_directory:
        found = await refuse_alike(services, request, found)
    now = services.clock.now()
    services.domain_passwords.note_answer(now - since, is_typical=not services.waiting.is_password_lost)
    return replace(
        found,
        hold_seconds=services.domain_passwords.hold_seconds(since, now),
        is_repeat=found.is_failure and _was_told(services, publication, request, credential, now),
    )


def _was_told(
    services: Services,
    publication: Publication,
    request: AccessRequest,
    credential: BasicCredential,
    now: datetime,
) -> bool:
    """Whether whoever guesses was told before that this is wrong, so that it counts no second time.

    What is known of it otherwise (the domain's word on somebody else's guess) is known of its own accounts alone: their
    guesses would wait shorter than those at invented names.
    """
    key = b"told" + wrong_key(services.keyring, publication, request, credential)
    if services.wrong_again.find(key, None, now) is not None:
        return True
    services.wrong_again.remember(key, None, Reason.CREDENTIAL_WRONG, now)
    return False


@dataclass(frozen=True, slots=True)
class _Probed:
    """What one read says of a login and a secret."""

    account: Account | None
    password: AppPassword | None
    is_wiping: bool
    may_ask_domain: bool


async def _identify(
    services: Services, publication: Publication, request: AccessRequest, credential: BasicCredential
) -> Identification:
    now = services.clock.now()

    def probe(repositories: Repositories) -> _Probed:
        login = parse_login(credential.login)
        account = resolve_account(repositories, login, _default_domain(services, publication))
        account_id = NOBODY if account is None else account.id
        password = find_password(repositories, services.keyring, account_id, credential.secret)
        # A dead password is looked at once more: the device it was bound to may be waiting to be wiped.
        is_wiping = (
            account is not None
            and password is not None
            and find_refusal(password, now) is not None
            and find_wipe(repositories, request, account, password) is not None
        )
        may_ask = password is None and may_ask_domain(services, repositories, publication, request, account)
        return _Probed(account, password, is_wiping, may_ask)

    probed = await services.records.look_up(probe)
    account, password = probed.account, probed.password
    if account is not None and password is not None and probed.is_wiping:
        rule = f"app password {password.id}, for its wipe alone"
        return identified(credential.login, Authenticated(account, password), rule)
    if account is not None and password is not None and find_refusal(password, now) is None:
        return identified(credential.login, Authenticated(account, password), f"app password {password.id}")
    if account is not None and probed.may_ask_domain:
        return await identify_domain(services, publication, request, credential, account)
    key = wrong_key(services.keyring, publication, request, credential)
    verifier = None if account is None else account.pin_verifier
    reason = services.wrong_again.find(key, verifier, now)
    if reason is not None:
        return Identification(
            Deny(reason, rule=WRONG_AGAIN), credential.login, is_failure=True, is_repeat=True
        )
    identification = await _identify_otherwise(services, publication, request, credential, account, password)
    if isinstance(identification.result, Deny):
        services.wrong_again.remember(key, verifier, identification.result.reason, now)
    return identification


async def _identify_otherwise(
    services: Services,
    publication: Publication,
    request: AccessRequest,
    credential: BasicCredential,
    account: Account | None,
    password: AppPassword | None,
) -> Identification:
    """No live app password: a dead one (`password`), a human-chosen secret, or a wrong guess."""
    if password is not None:
        refusal = find_refusal(password, services.clock.now())
        reason = Reason.CREDENTIAL_WRONG if refusal is None else Reason.from_value(refusal.value)
        denied = Deny(reason, rule=f"app password {password.id}")
        return Identification(denied, credential.login, is_failure=True)
    if publication.credentials.human_secrets:
        return await _identify_human(services, publication, request, credential, account)
    return Identification(_refusal(account), credential.login, is_failure=True)


def _default_domain(services: Services, publication: Publication) -> str:
    return publication.credentials.default_domain or services.default_domain


def _refusal(account: Account | None) -> Deny:
    if account is None:
        return Deny(Reason.ACCOUNT_UNKNOWN)
    return Deny(Reason.CREDENTIAL_WRONG)


async def _identify_human(
    services: Services,
    publication: Publication,
    request: AccessRequest,
    credential: BasicCredential,
    account: Account | None,
) -> Identification:
    """Lockout first: the attempt is counted, then the secret is hashed (against nothing, where there is none)."""
    scopes, reservation = await _reserve(services, publication, request, credential, account)
    verifier = None if account is None or reservation.is_locked else account.pin_verifier
    fits = await services.hasher.verify(verifier, credential.secret[:MAX_HUMAN_SECRET_CHARACTERS])
    too_long = len(credential.secret) > MAX_HUMAN_SECRET_CHARACTERS
    before = (_lockout_trace(reservation),)
    if reservation.is_locked:
        assert reservation.locked_by is not None
        result = Deny(Reason.ACCOUNT_LOCKED_OUT, rule=reservation.locked_by.kind.value)
        return Identification(result, credential.login, before=before, is_failure=True)
    if not fits or too_long or account is None or verifier is None:
        return Identification(_refusal(account), credential.login, before=before, is_failure=True)
    authenticated = Authenticated(account, None, scopes, kind=CredentialKind.PIN)
    return identified(credential.login, authenticated, "pin", before)


def _lockout_trace(reservation: Reservation) -> StageTrace:
    full = reservation.locked_by
    if full is None:
        return StageTrace(LOCKOUT_NAME, "pass")
    return StageTrace(LOCKOUT_NAME, "deny", Reason.ACCOUNT_LOCKED_OUT.value, full.kind.value, full.scope)


async def _reserve(
    services: Services,
    publication: Publication,
    request: AccessRequest,
    credential: BasicCredential,
    account: Account | None,
) -> tuple[tuple[Scope, ...], Reservation]:
    """One write, also where a counter is full. How many there can be the slow hash that follows bounds."""
    policy = publication.lockout
    now = services.clock.now()
    device_id = None if request.device is None else request.device.device_id

    def look(repositories: Repositories) -> tuple[Scope, ...]:
        if account is None:
            return scopes_of_unknown_name(services.keyring, policy, credential.login, request.source)
        return scopes_of_account(repositories.counters, policy, account.id, device_id, request.source, now)

    scopes = await services.records.look_up(look)

    def reserve(repositories: Repositories) -> Reservation:
        return reserve_attempt(repositories, scopes, policy, account, now)

    return scopes, await services.records.write(reserve)
