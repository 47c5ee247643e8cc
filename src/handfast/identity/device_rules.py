"""The policy's rules on what a device says of itself: type, user agent, protocol version, model."""

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
    WIPED = "device-wiped"
    LIMIT = "device-limit"
    TYPE_REFUSED = "device-type-refused"
    USER_AGENT_REFUSED = "user-agent-refused"
    PROTOCOL_VERSION_REFUSED = "protocol-version-refused"
    WINDOW_CLOSED = "window-closed"


@dataclass(frozen=True, slots=True)
class DeviceSighting:
    """What one request claims of its device. `source` is an IP address as text; "" stands for what was not said."""

    device_id: str
    device_type: str = ""
    user_agent: str = ""
    protocol_version: str = ""
    source: str = ""
    listener: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class RuleHit:
    """The rule that refuses, in the words of the settings file."""

    refusal: DeviceRefusal
    rule: str


def find_rule_hit(policy: DevicePolicy, sighting: DeviceSighting) -> RuleHit | None:
    """The first rule on type, user agent or protocol version that refuses the device, or None."""
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
    return None


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
