"""Kerberos tickets of clients inside: the KDC has checked who they are, and we take its word for accounts of that realm.

A ticket proves a person and no app password. It is taken on inside listeners alone, and its account must be one that is
mirrored from the directory of that very realm: a local account of the same name is somebody else. So is the account of that
name whose SID is not the ticket's: names can be asked for (a UPN of their form) and are given anew, SIDs neither (CVE-2020-25719).
"""

from __future__ import annotations

from handfast.decision.access import AccessRequest, TicketCredential
from handfast.decision.outcome import Challenge, Deny
from handfast.decision.publication import ChannelBindingMode, Publication
from handfast.decision.reasons import Reason
from handfast.decision.services import Services
from handfast.decision.stages.credential import (
    Authenticated,
    CredentialKind,
    Identification,
    identified,
)
from handfast.identity.directory.ports import TicketRefused
from handfast.identity.names import find_ticket_account
from handfast.identity.ntlm_challenges import ConnectionSession
from handfast.identity.ports import Repositories

RULE = "ticket"


async def identify_ticket(
    services: Services, publication: Publication, request: AccessRequest, credential: TicketCredential
) -> Identification:
    """Whose ticket this is. Raises: Unavailable."""
    policy = publication.credentials
    if services.tickets is None or not policy.takes_tickets(request.listener):
        return Identification(Deny(Reason.METHOD_NOT_OFFERED, rule=RULE))
    is_bound = policy.channel_binding is not ChannelBindingMode.OFF
    try:
        accepted = await services.tickets.accept(
            credential.token,
            credential.channel_binding if is_bound else b"",
            requires_binding=policy.channel_binding is ChannelBindingMode.REQUIRE,
        )
    except TicketRefused as refused:
        reason = Reason.from_value(refused.failure.value)
        return Identification(Deny(reason, rule=RULE, detail=refused.detail), is_failure=True)
    login = f"{accepted.user}@{accepted.realm}"
    account = await services.records.look_up(
        lambda repositories: find_ticket_account(repositories, accepted.user, accepted.realm)
    )
    if account is None:
        return Identification(Deny(Reason.ACCOUNT_UNKNOWN, rule=RULE), login, is_failure=True)
    if account.sid != accepted.sid:
        detail = f"the ticket is for {accepted.sid}, the account of that name is {account.sid}"
        return Identification(Deny(Reason.TICKET_REFUSED, rule=RULE, detail=detail), login, is_failure=True)
    authenticated = Authenticated(
        account, None, starts_session=True, kind=CredentialKind.TICKET, answer_token=accepted.answer
    )
    return identified(login, authenticated, RULE)


def resume_ticket(
    repositories: Repositories, publication: Publication, request: AccessRequest, session: ConnectionSession
) -> Identification:
    """A later request on a connection that a ticket has signed in; the stages after this one judge its account anew."""
    account = repositories.accounts.find(session.account_id)
    if not publication.credentials.takes_tickets(request.listener):
        return Identification(Challenge(Reason.CREDENTIAL_MISSING, rule="session", detail="no longer taken"))
    if account is None or account.directory is None:
        return Identification(Deny(Reason.CREDENTIAL_WRONG, rule="session"), session.login)
    return identified(
        session.login, Authenticated(account, None, kind=CredentialKind.TICKET), "session, ticket"
    )
