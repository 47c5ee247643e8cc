"""Requests that name no device: they live beside the device that their password is bound to."""

from __future__ import annotations

from datetime import datetime

from handfast.identity.channels import DEVICE_CHANNELS
from handfast.identity.device_facts import facts_of
from handfast.identity.device_rules import DeviceRefusal, find_fact_hit, find_user_agent_hit
from handfast.identity.partnership_decision import STATE_REFUSALS, PartnershipDecision
from handfast.identity.policies import DevicePolicy
from handfast.identity.records import AppPassword, Partnership, PartnershipState


def decide_companion(
    policy: DevicePolicy,
    user_agent: str,
    password: AppPassword | None,
    known: Partnership | None,
    *,
    passes_fresh: bool,
    needs_activity: bool,
    now: datetime,
) -> PartnershipDecision:
    """The answer to a request that names no device: never pairs, never binds, and keeps nothing alive.

    A deviceless password is judged by its user agent alone. A bound (or reserved) one gets its partnership's answer. A
    fresh one passes only where `passes_fresh` (a bare OPTIONS, Autodiscover). `needs_activity` is True on companion
    channels: they are open only while the phone itself was seen within `companion_window`.
    """
    if password is not None and is_deviceless(password):
        return decide_deviceless(policy, user_agent)
    owner = None if password is None else password.owner_device_id
    if owner is None or (known is None and password is not None and password.bound_device_id is None):
        if passes_fresh:
            return PartnershipDecision(rule="fresh")
        return PartnershipDecision(DeviceRefusal.UNBOUND, rule="fresh")
    if known is None:
        return PartnershipDecision(DeviceRefusal.UNKNOWN, rule="binding")
    if known.state is not PartnershipState.ALLOWED:
        return PartnershipDecision(STATE_REFUSALS[known.state], rule="state", detail=known.state_reason)
    hit = find_user_agent_hit(policy, user_agent) or find_fact_hit(policy, facts_of(known), known.model)
    if hit is not None:
        return PartnershipDecision(hit.refusal, rule=hit.rule)
    if needs_activity and now - known.last_seen_at > policy.companion_window:
        return PartnershipDecision(DeviceRefusal.COMPANION_STALE, rule="companion_window")
    return PartnershipDecision(rule="paired")


def decide_deviceless(policy: DevicePolicy, user_agent: str) -> PartnershipDecision:
    """The answer to a credential that no device stands behind: its user agent is all there is to judge."""
    hit = find_user_agent_hit(policy, user_agent)
    return PartnershipDecision(hit.refusal if hit else None, rule=hit.rule if hit else "no device")


def is_deviceless(password: AppPassword) -> bool:
    """True where none of the doors it opens names a device (profile `outlook`): nothing can ever bind it.

    What a protocol does not carry is not invented: such a password proves an account and no device.
    """
    return password.reserved_device_id is None and not password.channels & DEVICE_CHANNELS
