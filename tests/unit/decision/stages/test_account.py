from __future__ import annotations

import pytest

from handfast.decision.outcome import Deny, Pass
from handfast.decision.reasons import Reason
from handfast.decision.stages.account import decide_account
from handfast.identity.channels import Channel
from handfast.identity.directory.standing import Standing, StandingRefusal
from tests.fakes.one_phone import FRESH, NOW

GOOD = Standing(ends_at=NOW)


def test_a_password_opens_its_own_doors():
    assert decide_account(GOOD, FRESH, Channel.ACTIVESYNC) == Pass(rule="state")
    refused = decide_account(GOOD, FRESH, Channel.EWS)
    assert refused == Deny(Reason.PROFILE_REFUSED, "channels", "activesync")


@pytest.mark.parametrize("channel", Channel)
def test_a_persons_own_secret_opens_every_door(channel):
    assert isinstance(decide_account(GOOD, None, channel), Pass)


@pytest.mark.parametrize("refusal", StandingRefusal)
@pytest.mark.parametrize("password", [None, FRESH])
def test_an_account_that_may_not_sign_in_opens_none(password, refusal):
    decided = decide_account(Standing(refusal, detail="since then"), password, Channel.ACTIVESYNC)
    assert decided == Deny(Reason.from_value(refusal.value), "state", "since then")
