from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.channels import Channel
from handfast.identity.device_rules import DeviceRefusal, DeviceSighting, find_rule_hit, model_of
from handfast.identity.devices import PartnershipFacts, decide_companion, decide_partnership
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.records import (
    Account,
    AccountId,
    AccountState,
    AppPassword,
    AppPasswordId,
    EnrolmentWindow,
    Partnership,
    PartnershipState,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = Account(AccountId(1), "alice", "CONTOSO", "", AccountState.ENABLED, NOW)
FRESH = AppPassword(
    AppPasswordId(7), ALICE.id, "", frozenset({Channel.ACTIVESYNC}), NOW, NOW + timedelta(hours=24)
)
BOUND = replace(FRESH, bound_device_id="P1")
SEEN = DeviceSighting("P1", "iPhone", "Apple-iPhone12C1/1801.373", "16.1", "192.0.2.1", "outside")
KNOWN = Partnership(
    ALICE.id,
    "P1",
    PartnershipState.ALLOWED,
    "iPhone",
    "Apple-iPhone12C1/1700.1",
    NOW,
    NOW,
    model="iPhone12C1",
)
POLICY = DevicePolicy()


def decide(policy=POLICY, sighting=SEEN, now=NOW, **facts):
    return decide_partnership(policy, ALICE, sighting, PartnershipFacts(**facts), now)


def in_mode(mode, **more):
    return DevicePolicy(mode=PartnershipMode(mode), **more)


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ("pending", DeviceRefusal.PENDING),
        ("quarantined", DeviceRefusal.QUARANTINED),
        ("blocked", DeviceRefusal.BLOCKED),
        ("wiping", DeviceRefusal.WIPED),
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


@pytest.mark.parametrize("mode", ["first-use", "window", "inside"])
def test_a_new_device_pairs_where_its_mode_lets_it(mode):
    window = EnrolmentWindow(ALICE.id, NOW, NOW + timedelta(minutes=1), "uid:0")
    policy = in_mode(mode, inside_listeners=frozenset({"outside"}))
    decision = decide(policy, password=FRESH, window=window)
    assert (decision.refusal, decision.is_new, decision.binds) == (None, True, True)
    assert decision.uses_window == (mode == "window")
    assert decision.partnership is not None
    assert decision.partnership.state is PartnershipState.ALLOWED
    assert decision.partnership.model == "iPhone12C1"
    assert decide(policy, password=FRESH, window=window, held=9).refusal is None
    assert decide(policy, password=FRESH, window=window, held=10).refusal is DeviceRefusal.LIMIT


def test_a_window_lets_one_device_in_while_it_is_open():
    window = EnrolmentWindow(ALICE.id, NOW, NOW + timedelta(minutes=1), "uid:0")
    policy = in_mode("window")
    assert decide(policy).refusal is DeviceRefusal.WINDOW_CLOSED
    after = window.closes_at
    assert decide(policy, window=window, now=after).refusal is DeviceRefusal.WINDOW_CLOSED
    before = NOW - timedelta(seconds=1)
    assert decide(policy, window=window, now=before).refusal is DeviceRefusal.WINDOW_CLOSED
    used = replace(window, used_by_device_id="P2")
    assert decide(policy, window=used).refusal is DeviceRefusal.WINDOW_CLOSED
    assert decide(policy, window=replace(window, used_by_device_id="P1")).refusal is None


def test_listed_and_inside_know_no_newcomer_outside():
    assert decide(in_mode("listed")).refusal is DeviceRefusal.UNKNOWN
    inside = in_mode("inside", inside_listeners=frozenset({"lan"}))
    assert decide(inside).refusal is DeviceRefusal.UNKNOWN


def test_approval_waits_and_at_most_three_may():
    policy = in_mode("approval")
    decision = decide(policy, password=FRESH, pending=2)
    assert (decision.refusal, decision.event) == (DeviceRefusal.PENDING, AuditEvent.DEVICE_PENDING)
    assert decision.binds
    assert decision.partnership is not None
    assert decision.partnership.state is PartnershipState.PENDING
    assert decide(policy, password=FRESH, pending=3).refusal is DeviceRefusal.PENDING_LIMIT


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


def test_rules_that_fit_let_pass():
    policy = DevicePolicy(allow_types=("iphone",), allow_user_agents=("apple*",), deny_types=("ipad",))
    assert find_rule_hit(policy, SEEN) is None
    assert model_of(replace(SEEN, user_agent="Android/1")) == ""


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
