from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.records import (
    EnrolmentWindow,
    PartnershipState,
)
from tests.fakes.one_phone import ALICE, FRESH, NOW, SEEN, decide, in_mode


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


def test_a_mode_that_nobody_taught_us_pairs_nobody():
    with pytest.raises(AssertionError):
        decide(replace(in_mode("listed"), mode="lottery"), password=FRESH)


def test_a_newcomer_that_does_not_say_what_it_is_does_not_even_ask():
    policy = in_mode("approval", allow_models=("Pixel*",))
    silent = replace(SEEN, user_agent="Android-Mail/1")
    assert decide(policy, silent, password=FRESH).refusal is DeviceRefusal.FACTS_MISSING
    told = decide(policy, replace(silent, may_tell=True), password=FRESH)
    assert told.refusal is DeviceRefusal.PENDING
