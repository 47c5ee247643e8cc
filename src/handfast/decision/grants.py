"""What a good decision gives the gateway: a grant with its end, and where a whole connection was signed in its session."""

from __future__ import annotations

from handfast.decision.access import NtlmCredential, TicketCredential
from handfast.decision.evaluations import TEXT_LIMIT
from handfast.decision.outcome import MAX_GRANT_SECONDS, Grant, WipeOrder
from handfast.decision.question import Question
from handfast.decision.reasons import Reason
from handfast.decision.services import Services
from handfast.decision.settlement import Judgement
from handfast.decision.stages.device import FACT_COMMANDS
from handfast.identity.companions import is_deviceless
from handfast.identity.names import principal_of
from handfast.identity.ntlm_challenges import ConnectionSession, seal_session
from handfast.identity.records import AppPassword
from handfast.identity.telling_notes import TellingNote, seal_telling
from handfast.identity.wipe_notes import WipeNote, seal_note

PROVISIONAL_SECONDS = 15.0
"""Long enough to provision, and no more: the grant covers other commands as well."""
WAITING = frozenset({Reason.DEVICE_PENDING, Reason.DEVICE_QUARANTINED})
"""Refusals of a device that somebody may let in."""
FRESH_SECONDS = 1.0
"""A password that has yet to be bound gives grants that no device's block could end: they end by themselves."""


def build_grant(services: Services, question: Question, judgement: Judgement, login: str) -> Grant:
    """The grant of a judgement without denial; `login` is the name as sent."""
    assert judgement.account is not None
    password = judgement.password
    # A request without a device is granted on its password's: that device's block ends what the password opened.
    owner = None if password is None else password.owner_device_id
    return Grant(
        grant_id=services.randomness.token_bytes(16).hex(),
        publication=question.publication.name,
        account_id=judgement.account.id,
        principal=principal_of(judgement.account),
        epoch=judgement.epoch,
        lifetime_seconds=_lifetime(question, judgement),
        device_id=question.device_id or owner,
        app_password_id=None if password is None else password.id,
        node=question.request.node,
        session=_session(services, question, login),
    )


def _lifetime(question: Question, judgement: Judgement) -> float:
    """At most five minutes, never beyond the end of the account or of what it signed in with; short for a device that has
    yet to say what it is, and for a password that has yet to find its device.
    """
    seconds = min(MAX_GRANT_SECONDS, question.publication.grant_lifetime.total_seconds())
    if judgement.partnership is not None and judgement.partnership.is_provisional:
        seconds = min(seconds, PROVISIONAL_SECONDS)
    password = judgement.password
    if password is not None and _is_unowned(question, password):
        seconds = min(seconds, FRESH_SECONDS)
    password_end = None if password is None else password.expires_at
    ends = (judgement.ends_at, question.authenticated.good_until, password_end)
    left = [(end - question.now).total_seconds() for end in ends if end is not None]
    return max(0.0, min([seconds, *left]))


def _is_unowned(question: Question, password: AppPassword) -> bool:
    """True where no device's block would reach the grant."""
    return question.device_id is None and password.owner_device_id is None and not is_deviceless(password)


def build_wipe_order(services: Services, question: Question, judgement: Judgement) -> WipeOrder | None:
    """The order for the device that is to be wiped, where the judgement says that it proved its id."""
    known = judgement.wiping
    if known is None or known.wipe_requested_at is None:
        return None
    note = WipeNote(known.account_id, known.device_id, known.wipe_requested_at, question.now)
    sealed = seal_note(services.keyring, note, node=question.request.node)
    return WipeOrder(known.wipe_kind, sealed)


def build_telling_note(services: Services, question: Question, judgement: Judgement) -> bytes:
    """The note for a device that was refused because it has to wait, and may say what it is in this request; else b"".

    Whoever lets it in later should know what it is. The note opens nothing: the request is refused all the same.
    """
    denial, request = judgement.denial, question.request
    if denial is None or denial.reason not in WAITING or request.command not in FACT_COMMANDS:
        return b""
    if question.device_id is None:
        return b""
    assert judgement.account is not None
    note = TellingNote(judgement.account.id, question.device_id, question.publication.name, question.now)
    return seal_telling(services.keyring, note, node=request.node)


def _session(services: Services, question: Question, login: str) -> bytes:
    authenticated, credential = question.authenticated, question.request.credential
    if not authenticated.starts_session:
        return b""
    assert isinstance(credential, NtlmCredential | TicketCredential)
    session = ConnectionSession(
        authenticated.account.id,
        None if authenticated.password is None else authenticated.password.id,
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
