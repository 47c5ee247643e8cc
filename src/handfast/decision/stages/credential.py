"""Third stage: whose credential is it? What each method adds stands in the modules `credential_*` beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from handfast.decision.outcome import Pass, StageResult
from handfast.identity.counters import Scope
from handfast.identity.records import Account, AppPassword, StageTrace

NAME = "credential"
LOCKOUT_NAME = "lockout"


class CredentialKind(StrEnum):
    """What somebody proved to be an account with; as access rules name it."""

    APP_PASSWORD = "app-password"  # noqa: S105 - the name of a kind
    PIN = "pin"
    DOMAIN_PASSWORD = "domain-password"  # noqa: S105 - the name of a kind
    TICKET = "kerberos"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Whose credential it is, as the records said when it was verified.

    `password` is there with the kind APP_PASSWORD alone. After a human-chosen secret `scopes` are the counters that hold its
    reservation. `starts_session` is True where the whole connection was signed in (NTLM, a ticket); `answer_token` is
    what proves us to the client in return. `good_until` ends what the domain's word on a password is worth here.
    """

    account: Account
    password: AppPassword | None
    scopes: tuple[Scope, ...] = ()
    starts_session: bool = False
    kind: CredentialKind = CredentialKind.APP_PASSWORD
    answer_token: bytes = field(default=b"", repr=False)
    good_until: datetime | None = None

    @property
    def proves_person(self) -> bool:
        """True for what belongs to the account itself and to none of its devices."""
        return self.kind in (CredentialKind.TICKET, CredentialKind.DOMAIN_PASSWORD)


@dataclass(frozen=True, slots=True)
class Identification:
    """What the stage found: `authenticated` exactly when `result` is a Pass.

    `login` is the name as sent, for logs; `workstation` what an NTLM client calls its machine; `before` holds stages
    that spoke ahead of this one (lockout).
    """

    result: StageResult
    login: str = ""
    authenticated: Authenticated | None = None
    workstation: str | None = None
    before: tuple[StageTrace, ...] = ()
    is_failure: bool = False
    """True where a guess failed, so that the source waits longer next time."""
    hold_seconds: float = 0.0
    """What a refusal waits beside that, so that its time does not tell whom the directory was asked about."""
    asked_directory: bool = False
    """True where it says what a domain controller said of the password just now, or that none answered."""
    is_repeat: bool = False
    """True where it is the same wrong guess as just before: nothing new was learned, so nothing is counted."""


def identified(
    login: str, authenticated: Authenticated, rule: str, before: tuple[StageTrace, ...] = ()
) -> Identification:
    """The credential is good."""
    return Identification(Pass(rule=rule), login, authenticated, before=before)
