"""Whether a device that nobody knows yet may pair: rules, then the partnership mode, then how many there are."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from handfast.identity.audit import AuditEvent
from handfast.identity.device_rules import (
    DeviceRefusal,
    DeviceSighting,
    find_rule_hit,
    find_untold,
    model_of,
)
from handfast.identity.partnership_decision import PartnershipDecision, PartnershipFacts
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.records import Account, Partnership, PartnershipState
from handfast.identity.windows import lets_in


def decide_new(
    policy: DevicePolicy, account: Account, sighting: DeviceSighting, facts: PartnershipFacts, now: datetime
) -> PartnershipDecision:
    """The answer to a device without a record, whose password (if any) is still fresh."""
    hit = find_rule_hit(policy, sighting)
    if hit is not None:
        return PartnershipDecision(hit.refusal, rule=hit.rule)
    untold = find_untold(policy, sighting)
    if untold and not sighting.may_tell:
        return PartnershipDecision(DeviceRefusal.FACTS_MISSING, rule=untold)
    barrier = _find_barrier(policy, sighting, facts, now)
    if barrier is not None:
        return PartnershipDecision(barrier, rule=f"mode {policy.mode}")
    if facts.held >= policy.device_limit:
        return PartnershipDecision(DeviceRefusal.LIMIT, rule=f"device_limit {policy.device_limit}")
    fresh = facts.password is not None
    if policy.mode is PartnershipMode.APPROVAL:
        if facts.pending >= policy.pending_limit:
            return PartnershipDecision(
                DeviceRefusal.PENDING_LIMIT, rule=f"pending_limit {policy.pending_limit}"
            )
        return PartnershipDecision(
            DeviceRefusal.PENDING,
            rule="mode approval",
            partnership=_new(account, sighting, PartnershipState.PENDING, now),
            is_new=True,
            event=AuditEvent.DEVICE_PENDING,
            binds=fresh,
        )
    return PartnershipDecision(
        rule=f"mode {policy.mode}",
        partnership=_new(account, sighting, PartnershipState.ALLOWED, now),
        is_new=True,
        event=AuditEvent.DEVICE_PAIRED,
        binds=fresh,
        uses_window=policy.mode is PartnershipMode.WINDOW,
        is_provisional=bool(untold),
    )


def _find_barrier(
    policy: DevicePolicy, sighting: DeviceSighting, facts: PartnershipFacts, now: datetime
) -> DeviceRefusal | None:
    """Why the mode lets this new device not even ask."""
    match policy.mode:
        case PartnershipMode.LISTED:
            return DeviceRefusal.UNKNOWN
        case PartnershipMode.INSIDE:
            return None if sighting.listener in policy.inside_listeners else DeviceRefusal.UNKNOWN
        case PartnershipMode.WINDOW:
            is_open = facts.window is not None and lets_in(facts.window, sighting.device_id, now)
            return None if is_open else DeviceRefusal.WINDOW_CLOSED
        case PartnershipMode.FIRST_USE | PartnershipMode.APPROVAL:
            return None
        case _:
            assert_never(policy.mode)


def _new(account: Account, sighting: DeviceSighting, state: PartnershipState, now: datetime) -> Partnership:
    return Partnership(
        account_id=account.id,
        device_id=sighting.device_id,
        state=state,
        device_type=sighting.device_type,
        user_agent=sighting.user_agent,
        first_seen_at=now,
        last_seen_at=now,
        last_source=sighting.source,
        model=model_of(sighting),
    )
