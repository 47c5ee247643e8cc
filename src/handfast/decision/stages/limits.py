"""Last stage: can the publication serve this account at all? Asked here, so that the client gets a defined answer."""

from __future__ import annotations

from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.publication import Publication
from handfast.decision.reasons import Reason
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, SecretState

NAME = "limits"


def decide_limits(repositories: Repositories, publication: Publication, account: Account) -> StageResult:
    """Where the back end wants a stored secret, it must be there and not be suspended (one failed attempt, no more)."""
    if not publication.needs_stored_secret:
        return Pass()
    secret = repositories.stored_secrets.find(account.id, publication.name)
    if secret is None:
        return Deny(Reason.BACKEND_SECRET_MISSING, rule="stored_secret")
    if secret.state is not SecretState.ACTIVE:
        return Deny(Reason.BACKEND_SECRET_SUSPENDED, rule="stored_secret")
    return Pass(rule="stored_secret")
