"""Whether a device may use an account, and what its sighting changes: one pure decision.

A device id is a claim. It stops the reuse of a leaked password elsewhere; against somebody who has both password and
id it proves nothing, so what contradicts the record (another type, another model, two networks at once)
quarantines. `partnership_store` applies what is decided here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handfast.identity.audit import AuditEvent
from handfast.identity.device_facts import facts_of
from handfast.identity.device_rules import (
    DeviceRefusal,
    DeviceSighting,
    find_rule_hit,
    find_untold,
    model_of,
)
from handfast.identity.pairing import decide_new
from handfast.identity.partnership_decision import STATE_REFUSALS, PartnershipDecision, PartnershipFacts
from handfast.identity.policies import DevicePolicy
from handfast.identity.records import Account, AppPassword, Partnership, PartnershipState


def decide_partnership(
    policy: DevicePolicy,
    account: Account,
    sighting: DeviceSighting,
    facts: PartnershipFacts,
    now: datetime,
) -> PartnershipDecision:
    """The answer to one request that names its device.

    Whose password it is comes first, then what the record says, then the rules; only an id without a record, with a
    password that is still fresh, may pair.
    """
    password = facts.password
    if password is not None and _belongs_elsewhere(password, sighting.device_id):
        return PartnershipDecision(DeviceRefusal.OTHER_DEVICE, rule="binding", is_misuse=True)
    if facts.known is not None:
        return _decide_known(policy, sighting, facts, facts.known, now)
    if password is not None and password.bound_device_id is not None:
        return PartnershipDecision(
            DeviceRefusal.UNKNOWN, rule="binding", detail="the device of this password was removed"
        )
    return decide_new(policy, account, sighting, facts, now)


def _belongs_elsewhere(password: AppPassword, device_id: str) -> bool:
    owner = password.owner_device_id
    return owner is not None and owner != device_id


def _decide_known(
    policy: DevicePolicy,
    sighting: DeviceSighting,
    facts: PartnershipFacts,
    known: Partnership,
    now: datetime,
) -> PartnershipDecision:
    binds = facts.password is not None and facts.password.bound_device_id is None
    if known.state is not PartnershipState.ALLOWED:
        return PartnershipDecision(
            STATE_REFUSALS[known.state],
            rule="state",
            detail=known.state_reason,
            binds=binds and known.state is PartnershipState.PENDING,
        )
    contradiction = _find_contradiction(policy, sighting, facts, known)
    if contradiction:
        quarantined = replace(
            _seen(known, sighting, now), state=PartnershipState.QUARANTINED, state_reason=contradiction
        )
        return PartnershipDecision(
            DeviceRefusal.QUARANTINED,
            rule="quarantine",
            detail=contradiction,
            partnership=quarantined,
            event=AuditEvent.DEVICE_QUARANTINED,
        )
    sighting = replace(
        sighting,
        model=model_of(sighting) or known.model,
        told=facts_of(known),
    )
    hit = find_rule_hit(policy, sighting)
    if hit is not None:
        return PartnershipDecision(hit.refusal, rule=hit.rule)
    untold = find_untold(policy, sighting)
    if untold and not sighting.may_tell:
        return PartnershipDecision(DeviceRefusal.FACTS_MISSING, rule=untold)
    return PartnershipDecision(
        rule="paired", partnership=_seen(known, sighting, now), binds=binds, is_provisional=bool(untold)
    )


def _find_contradiction(
    policy: DevicePolicy, sighting: DeviceSighting, facts: PartnershipFacts, known: Partnership
) -> str:
    """What the device says now that its record can't agree with; "" where nothing.

    A type or model that one side does not know contradicts nothing; neither does another build of the system.
    """
    if _differs(known.device_type, sighting.device_type):
        return f"type changed from {known.device_type} to {sighting.device_type}"
    model = model_of(sighting)
    if _differs(known.model, model):
        return f"model changed from {known.model} to {model}"
    if facts.returned and policy.two_networks_window:
        return f"in use from two networks at once, {known.last_source} and {sighting.source}"
    return ""


def _differs(known: str, claimed: str) -> bool:
    return bool(known and claimed) and known.casefold() != claimed.casefold()


def _seen(known: Partnership, sighting: DeviceSighting, now: datetime) -> Partnership:
    return replace(
        known,
        last_seen_at=max(known.last_seen_at, now),
        last_source=sighting.source or known.last_source,
        device_type=sighting.device_type or known.device_type,
        user_agent=sighting.user_agent or known.user_agent,
        model=model_of(sighting) or known.model,
    )
