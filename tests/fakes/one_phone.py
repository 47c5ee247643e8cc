"""One account with one phone, as values: for tests of what is decided on a device."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from handfast.identity.channels import Channel
from handfast.identity.device_rules import DeviceSighting
from handfast.identity.devices import decide_partnership
from handfast.identity.partnership_decision import PartnershipDecision, PartnershipFacts
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.records import (
    Account,
    AccountId,
    AccountState,
    AppPassword,
    AppPasswordId,
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


def decide(policy=POLICY, sighting=SEEN, now=NOW, **facts) -> PartnershipDecision:
    """What is decided on a sighting, with these facts of the records."""
    return decide_partnership(policy, ALICE, sighting, PartnershipFacts(**facts), now)


def in_mode(mode, **more) -> DevicePolicy:
    """A policy of that mode."""
    return DevicePolicy(mode=PartnershipMode(mode), **more)
