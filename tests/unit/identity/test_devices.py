from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.policies import DevicePolicy
from handfast.identity.records import (
    PartnershipState,
)
from tests.fakes.one_phone import BOUND, FRESH, KNOWN, NOW, SEEN, decide


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ("pending", DeviceRefusal.PENDING),
        ("quarantined", DeviceRefusal.QUARANTINED),
        ("blocked", DeviceRefusal.BLOCKED),
        ("wiping", DeviceRefusal.WIPE_PENDING),
        ("wiped", DeviceRefusal.WIPED),
    ],
)
def test_a_known_device_gets_its_states_answer(state, refusal):
    known = replace(KNOWN, state=PartnershipState(state))
    decision = decide(known=known, password=BOUND)
    assert (decision.refusal, decision.partnership) == (refusal, None)
    assert decide(known=known, password=FRESH).binds == (state == "pending")


def test_a_known_device_passes_and_is_seen():
    later = NOW + timedelta(hours=1)
    decision = decide(known=KNOWN, password=BOUND, now=later)
    assert (decision.refusal, decision.binds, decision.changes_something) == (None, False, False)
    assert decision.partnership == replace(
        KNOWN, last_seen_at=later, last_source="192.0.2.1", user_agent=SEEN.user_agent
    )
    assert decide(known=KNOWN, password=FRESH).binds
    assert not decide(known=KNOWN).binds


@pytest.mark.parametrize(
    "sighting",
    [
        replace(SEEN, device_type="Android"),
        replace(SEEN, user_agent="Apple-iPhone13C2/1801.373"),
        replace(SEEN, user_agent="x", model="Pixel"),
    ],
)
def test_a_changed_type_or_model_quarantines_and_the_new_one_is_kept_for_approval(sighting):
    decision = decide(sighting=sighting, known=KNOWN, password=BOUND)
    assert (decision.refusal, decision.event) == (DeviceRefusal.QUARANTINED, AuditEvent.DEVICE_QUARANTINED)
    kept = decision.partnership
    assert kept is not None
    assert kept.state is PartnershipState.QUARANTINED
    approved = replace(kept, state=PartnershipState.ALLOWED)
    assert decide(sighting=sighting, known=approved, password=BOUND).refusal is None


@pytest.mark.parametrize(
    "sighting",
    [
        replace(SEEN, user_agent="Apple-iPhone12C1/2001.1"),
        replace(SEEN, device_type="IPHONE"),
        replace(SEEN, device_type="", user_agent=""),
        replace(SEEN, user_agent="Outlook-iOS/2.0"),
    ],
)
def test_a_new_system_version_or_a_fact_not_told_changes_nothing(sighting):
    assert decide(sighting=sighting, known=KNOWN, password=BOUND).refusal is None


def test_two_networks_at_once_quarantine_unless_that_is_off():
    assert decide(known=KNOWN, password=BOUND, returned=True).refusal is DeviceRefusal.QUARANTINED
    off = DevicePolicy(two_networks_window=timedelta(0))
    assert decide(off, known=KNOWN, password=BOUND, returned=True).refusal is None


def test_a_password_of_another_device_is_misuse_whatever_the_record_says():
    other = replace(BOUND, bound_device_id="P2")
    reserved = replace(FRESH, reserved_device_id="P2")
    for password in (other, reserved):
        decision = decide(known=KNOWN, password=password)
        assert (decision.refusal, decision.is_misuse) == (DeviceRefusal.OTHER_DEVICE, True)


def test_a_bound_password_never_pairs_again():
    assert decide(password=BOUND).refusal is DeviceRefusal.UNKNOWN


@pytest.mark.parametrize(
    ("policy", "refusal"),
    [
        (DevicePolicy(deny_types=("IPH*",)), DeviceRefusal.TYPE_REFUSED),
        (DevicePolicy(allow_types=("Android", "WP*")), DeviceRefusal.TYPE_REFUSED),
        (DevicePolicy(deny_user_agents=("apple-*",)), DeviceRefusal.USER_AGENT_REFUSED),
        (DevicePolicy(allow_user_agents=("Outlook*",)), DeviceRefusal.USER_AGENT_REFUSED),
        (DevicePolicy(deny_protocol_versions=("16.?",)), DeviceRefusal.PROTOCOL_VERSION_REFUSED),
        (DevicePolicy(allow_protocol_versions=("14.*",)), DeviceRefusal.PROTOCOL_VERSION_REFUSED),
        (DevicePolicy(allow_types=("iphone",), deny_types=("iPhone",)), DeviceRefusal.TYPE_REFUSED),
    ],
)
def test_rules_refuse_known_and_new_devices_and_change_nothing(policy, refusal):
    for facts in ({"known": KNOWN, "password": BOUND}, {"password": FRESH}):
        decision = decide(policy, **facts)
        assert (decision.refusal, decision.partnership, decision.binds) == (refusal, None, False)
        assert decision.rule


@pytest.mark.parametrize("may_tell", [False, True])
def test_a_device_that_has_yet_to_say_what_it_is_is_let_in_to_say_it(may_tell):
    policy = DevicePolicy(allow_os=("iOS 17*",))
    sighting = replace(SEEN, may_tell=may_tell)
    for facts in ({"known": KNOWN, "password": BOUND}, {"password": FRESH}):
        decision = decide(policy, sighting, **facts)
        assert decision.refusal is (None if may_tell else DeviceRefusal.FACTS_MISSING)
        assert decision.is_provisional is may_tell
        assert (decision.partnership is not None) is may_tell
    assert decide(policy, SEEN, known=replace(KNOWN, os="iOS 17.1"), password=BOUND).refusal is None


def test_what_the_record_holds_is_judged_by_the_rules():
    known = replace(KNOWN, reported_model="iPhone 12", os="iOS 16.2")
    assert decide(DevicePolicy(allow_os=("iOS 17*",)), known=known).refusal is DeviceRefusal.OS_REFUSED
    assert (
        decide(DevicePolicy(deny_models=("iPhone 1?",)), known=known).refusal is DeviceRefusal.MODEL_REFUSED
    )
    known = replace(KNOWN, imei="490154203237518", phone_number="+1 425 555 0100", friendly_name="Helen's")
    for policy, refusal in (
        (DevicePolicy(allow_imeis=("35*",)), DeviceRefusal.IMEI_REFUSED),
        (DevicePolicy(allow_phone_numbers=("+41*",)), DeviceRefusal.PHONE_NUMBER_REFUSED),
        (DevicePolicy(allow_friendly_names=("CONTOSO-*",)), DeviceRefusal.FRIENDLY_NAME_REFUSED),
    ):
        assert decide(policy, known=known).refusal is refusal
        assert decide(policy, known=KNOWN).refusal is DeviceRefusal.FACTS_MISSING
    silent = replace(SEEN, user_agent="Outlook-iOS/2.0")
    policy = DevicePolicy(allow_models=("iPhone12C1",))
    assert decide(policy, silent, known=KNOWN).refusal is None, (
        "its record knows the model of an earlier agent"
    )
