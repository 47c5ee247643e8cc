from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.companions import decide_companion, decide_deviceless, is_deviceless
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


def test_a_companion_falls_with_its_devices_model_and_system():
    known = replace(KNOWN, os="iOS 9.3")
    assert companion(known=known, policy=DevicePolicy(deny_os=("iOS 9*",))) is DeviceRefusal.OS_REFUSED
    stolen = replace(KNOWN, imei="35 693803 564380 9")
    policy = DevicePolicy(deny_imeis=("356938035643809",))
    assert companion(known=stolen, policy=policy) is DeviceRefusal.IMEI_REFUSED
    assert (
        companion(known=known, policy=DevicePolicy(deny_models=("iphone12*",))) is DeviceRefusal.MODEL_REFUSED
    )
    wiping = replace(KNOWN, state=PartnershipState.WIPING)
    assert companion(known=wiping) is DeviceRefusal.WIPE_PENDING


def test_a_password_whose_doors_name_no_device_needs_none():
    outlook = replace(FRESH, channels=PROFILE_CHANNELS[Profile.OUTLOOK])
    assert companion(outlook, None) is None
    denied = DevicePolicy(deny_user_agents=("outlook",))
    assert companion(outlook, None, denied) is DeviceRefusal.USER_AGENT_REFUSED
    # Issued for one device, or good for a door that names one: then that device has to be there.
    assert companion(replace(outlook, reserved_device_id="P9"), None) is DeviceRefusal.UNBOUND
    both = replace(outlook, channels=outlook.channels | {Channel.ACTIVESYNC})
    assert companion(both, None) is DeviceRefusal.UNBOUND
    assert [is_deviceless(replace(FRESH, channels=PROFILE_CHANNELS[one])) for one in Profile] == [
        False,
        True,
        False,
    ]


def test_what_no_device_stands_behind_is_judged_by_its_user_agent():
    assert decide_deviceless(DevicePolicy(), "Outlook").refusal is None
    denied = DevicePolicy(deny_user_agents=("outlook*",))
    assert decide_deviceless(denied, "Outlook/16").refusal is DeviceRefusal.USER_AGENT_REFUSED
