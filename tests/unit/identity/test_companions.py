from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handfast.identity.companions import decide_companion
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.policies import DevicePolicy
from handfast.identity.records import (
    PartnershipState,
)
from tests.fakes.one_phone import BOUND, FRESH, KNOWN, NOW, POLICY


def companion(password=BOUND, known=KNOWN, policy=POLICY, *, fresh=False, active=True, now=NOW):
    return decide_companion(
        policy, "Outlook", password, known, passes_fresh=fresh, needs_activity=active, now=now
    ).refusal


def test_companions_live_beside_an_active_device():
    assert companion() is None
    late = NOW + timedelta(hours=24, seconds=1)
    assert companion(now=late) is DeviceRefusal.COMPANION_STALE
    assert companion(now=late, active=False) is None
    assert companion(known=None) is DeviceRefusal.UNKNOWN
    blocked = replace(KNOWN, state=PartnershipState.BLOCKED)
    assert companion(known=blocked) is DeviceRefusal.BLOCKED
    denied = DevicePolicy(deny_user_agents=("outlook",))
    assert companion(policy=denied) is DeviceRefusal.USER_AGENT_REFUSED


def test_fresh_passwords_and_human_secrets_have_no_device_to_stand_beside():
    for password in (FRESH, None, replace(FRESH, reserved_device_id="P9")):
        assert companion(password, None) is DeviceRefusal.UNBOUND
        assert companion(password, None, fresh=True) is None
    assert companion(replace(FRESH, reserved_device_id="P1"), KNOWN) is None
