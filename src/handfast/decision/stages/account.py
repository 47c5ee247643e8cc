"""Fourth stage: may this account sign in, and does this password open this door?"""

from __future__ import annotations

from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.identity.records import Account, AccountState, AppPassword

NAME = "account"


def decide_account(account: Account, password: AppPassword | None, channel: Channel) -> StageResult:
    """A human-chosen secret (`password` None) opens every channel; an app password those of its profile."""
    if account.state is not AccountState.ENABLED:
        return Deny(Reason.ACCOUNT_DISABLED, rule="state")
    if password is not None and channel not in password.channels:
        return Deny(Reason.PROFILE_REFUSED, rule="channels", detail=" ".join(sorted(password.channels)))
    return Pass(rule="state")
