"""The policy's rules on what a device says of itself: type, user agent, protocol version, model, system."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from handfast.identity.policies import DevicePolicy

_APPLE_MODEL = re.compile(r"Apple-(i[A-Za-z]+[0-9]+C[0-9]+)/")
"""Seen: iOS mail says `Apple-iPhone12C1/1801.373`: model 12,1, then the build, which rises with every update."""


class DeviceRefusal(StrEnum):
    """Why a device may not pass; values are those of `decision.reasons.Reason`."""

    UNBOUND = "app-password-unbound"
    OTHER_DEVICE = "app-password-other-device"
    COMPANION_STALE = "companion-stale"
    UNKNOWN = "device-unknown"
    PENDING = "device-pending"
    PENDING_LIMIT = "device-pending-limit"
    QUARANTINED = "device-quarantined"
    BLOCKED = "device-blocked"
    WIPE_PENDING = "device-wipe-pending"
    WIPED = "device-wiped"
    LIMIT = "device-limit"
    TYPE_REFUSED = "device-type-refused"
    USER_AGENT_REFUSED = "user-agent-refused"
    PROTOCOL_VERSION_REFUSED = "protocol-version-refused"
    MODEL_REFUSED = "device-model-refused"
    OS_REFUSED = "device-os-refused"
    FACTS_MISSING = "device-facts-missing"
    WINDOW_CLOSED = "window-closed"


@dataclass(frozen=True, slots=True)
class DeviceSighting:
    """What one request claims of its device. `source` is an IP address as text; "" stands for what was not said.

    `reported_model` and `os` are what the record holds of the device's own words. `may_tell` is True for requests in
    which it can say more (OPTIONS, Provision, Settings).
    """

    device_id: str
    device_type: str = ""
    user_agent: str = ""
    protocol_version: str = ""
    source: str = ""
    listener: str = ""
    model: str = ""
    reported_model: str = ""
    os: str = ""
    may_tell: bool = False


@dataclass(frozen=True, slots=True)
class RuleHit:
    """The rule that refuses, in the words of the settings file."""

    refusal: DeviceRefusal
    rule: str


def find_rule_hit(policy: DevicePolicy, sighting: DeviceSighting) -> RuleHit | None:
    """The first rule that refuses the device, or None. Of model and system only what is known is judged."""
    checks = (
        ("types", sighting.device_type, policy.allow_types, policy.deny_types, DeviceRefusal.TYPE_REFUSED),
        _user_agent_check(policy, sighting.user_agent),
        (
            "protocol_versions",
            sighting.protocol_version,
            policy.allow_protocol_versions,
            policy.deny_protocol_versions,
            DeviceRefusal.PROTOCOL_VERSION_REFUSED,
        ),
    )
    for name, value, allow, deny, refusal in checks:
        rule = _refusing_rule(name, value, allow, deny)
        if rule:
            return RuleHit(refusal, rule)
    return find_fact_hit(policy, _models(sighting), sighting.os)


def find_fact_hit(policy: DevicePolicy, models: Sequence[str], os: str) -> RuleHit | None:
    """The rule on model or system that refuses; a model may be known by two names, and either may fit a pattern."""
    checks = (
        ("models", models, policy.allow_models, policy.deny_models, DeviceRefusal.MODEL_REFUSED),
        ("os", (os,), policy.allow_os, policy.deny_os, DeviceRefusal.OS_REFUSED),
    )
    for name, values, allow, deny, refusal in checks:
        said = [value for value in values if value]
        for pattern in deny:
            if any(matches(value, pattern) for value in said):
                return RuleHit(refusal, f"deny_{name} {pattern!r}")
        if said and allow and not any(matches(value, pattern) for value in said for pattern in allow):
            return RuleHit(refusal, f"allow_{name}")
    return None


def find_untold(policy: DevicePolicy, sighting: DeviceSighting) -> str:
    """The allow list that can't be judged yet, because the device has not said what it is; "" where none."""
    if policy.allow_models and not any(_models(sighting)):
        return "allow_models"
    return "allow_os" if policy.allow_os and not sighting.os else ""


def _models(sighting: DeviceSighting) -> tuple[str, str]:
    return sighting.reported_model, model_of(sighting)


def find_user_agent_hit(policy: DevicePolicy, user_agent: str) -> RuleHit | None:
    """The rule on user agents alone: a companion channel tells no more of its client."""
    name, value, allow, deny, refusal = _user_agent_check(policy, user_agent)
    rule = _refusing_rule(name, value, allow, deny)
    return RuleHit(refusal, rule) if rule else None


def _user_agent_check(
    policy: DevicePolicy, user_agent: str
) -> tuple[str, str, tuple[str, ...], tuple[str, ...], DeviceRefusal]:
    return (
        "user_agents",
        user_agent,
        policy.allow_user_agents,
        policy.deny_user_agents,
        DeviceRefusal.USER_AGENT_REFUSED,
    )


def _refusing_rule(name: str, value: str, allow: Sequence[str], deny: Sequence[str]) -> str:
    for pattern in deny:
        if matches(value, pattern):
            return f"deny_{name} {pattern!r}"
    if allow and not any(matches(value, pattern) for pattern in allow):
        return f"allow_{name}"
    return ""


def matches(value: str, pattern: str) -> bool:
    """Shell-style match (`*`, `?`, `[...]`) without regard to case."""
    return fnmatchcase(value.casefold(), pattern.casefold())


def model_of(sighting: DeviceSighting) -> str:
    """The hardware model, where the device tells one; "" where it doesn't."""
    if sighting.model:
        return sighting.model
    found = _APPLE_MODEL.match(sighting.user_agent)
    return found.group(1) if found else ""
