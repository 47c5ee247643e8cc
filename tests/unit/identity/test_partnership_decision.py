from __future__ import annotations

from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import DeviceRefusal
from handfast.identity.partnership_decision import STATE_REFUSALS, PartnershipDecision, PartnershipFacts
from handfast.identity.records import PartnershipState
from tests.fakes.one_phone import KNOWN


def test_every_state_but_allowed_is_refused():
    assert set(STATE_REFUSALS) == set(PartnershipState) - {PartnershipState.ALLOWED}


def test_a_mere_sighting_changes_nothing_that_a_repeated_refusal_must_store():
    assert not PartnershipDecision(partnership=KNOWN).changes_something
    assert not PartnershipDecision(DeviceRefusal.OTHER_DEVICE, is_misuse=True).changes_something
    for changing in ({"event": AuditEvent.DEVICE_PAIRED}, {"binds": True}, {"uses_window": True}):
        assert PartnershipDecision(**changing).changes_something


def test_without_facts_nobody_is_known():
    facts = PartnershipFacts()
    assert (facts.known, facts.password, facts.window, facts.held, facts.returned) == (
        None,
        None,
        None,
        0,
        False,
    )
