"""Fourth stage: may this account sign in, and does this password open this door?"""

from __future__ import annotations

from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.identity.directory.standing import Standing
from handfast.identity.records import AppPassword

NAME = "account"


def decide_account(standing: Standing, password: AppPassword | None, channel: Channel) -> StageResult:
    """Any other credential (`password` None) opens every channel; an app password those of its profile."""
    if standing.refusal is not None:
        reason = Reason.from_value(standing.refusal.value)
        return Deny(reason, rule="state", detail=standing.detail)
    if password is not None and channel not in password.channels:
        return Deny(Reason.PROFILE_REFUSED, rule="channels", detail=" ".join(sorted(password.channels)))
    return Pass(rule="state")
