from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.decision.outcome import Deny, Pass
from handfast.decision.reasons import Reason
from handfast.decision.stages.account import decide_account
from handfast.identity.channels import Channel
from handfast.identity.records import AccountState
from tests.fakes.one_phone import ALICE, FRESH


def test_a_password_opens_its_own_doors():
    assert decide_account(ALICE, FRESH, Channel.ACTIVESYNC) == Pass(rule="state")
    refused = decide_account(ALICE, FRESH, Channel.EWS)
    assert refused == Deny(Reason.PROFILE_REFUSED, "channels", "activesync")


@pytest.mark.parametrize("channel", Channel)
def test_a_persons_own_secret_opens_every_door(channel):
    assert isinstance(decide_account(ALICE, None, channel), Pass)


@pytest.mark.parametrize("password", [None, FRESH])
def test_a_disabled_account_opens_none(password):
    disabled = replace(ALICE, state=AccountState.DISABLED)
    assert decide_account(disabled, password, Channel.ACTIVESYNC) == Deny(Reason.ACCOUNT_DISABLED, "state")
