"""Third stage: whose credential is it? What each method adds stands in `credential_basic` and `credential_ntlm`."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.decision.outcome import Pass, StageResult
from handfast.identity.counters import Scope
from handfast.identity.records import Account, AppPassword, StageTrace

NAME = "credential"
LOCKOUT_NAME = "lockout"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Whose credential it is, as the records said when it was verified.

    `password` is None after a human-chosen secret; then `scopes` are the counters that hold its reservation.
    `starts_session` is True after a full NTLM handshake.
    """

    account: Account
    password: AppPassword | None
    scopes: tuple[Scope, ...] = ()
    starts_session: bool = False


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
    is_repeat: bool = False
    """True where it is the same wrong guess as just before: nothing new was learned, so nothing is counted."""


def identified(
    login: str, authenticated: Authenticated, rule: str, before: tuple[StageTrace, ...] = ()
) -> Identification:
    """The credential is good."""
    return Identification(Pass(rule=rule), login, authenticated, before=before)
