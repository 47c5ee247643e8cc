"""The policy's rules on what a device says of itself: type, user agent, protocol version, and the facts it tells.

Facts are claims: rules on them sort out what an honest device is, and stop no one who knows what to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from handfast.identity.device_facts import DeviceFacts
from handfast.identity.policies import DevicePolicy

_NOTHING_TOLD = DeviceFacts()
_APPLE_MODEL = re.compile(r"Apple-(i[A-Za-z]+[0-9]+C[0-9]+)/")
"""Seen: iOS mail says `Apple-iPhone12C1/1801.373`: model 12,1, then the build, which rises with every update."""
_SEPARATOR = re.compile(r"(\[[^\]]*\])|[\s./()-]+")
"""What people write into numbers, but not the hyphen of a range: `[0-9]` stays as it is."""


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
    IMEI_REFUSED = "device-imei-refused"
    PHONE_NUMBER_REFUSED = "device-phone-number-refused"
    FRIENDLY_NAME_REFUSED = "device-friendly-name-refused"
    FACTS_MISSING = "device-facts-missing"
    WINDOW_CLOSED = "window-closed"


@dataclass(frozen=True, slots=True)
class DeviceSighting:
    """What one request claims of its device. `source` is an IP address as text; "" stands for what was not said.

    `told` is what the record holds of the device's own words. `may_tell` is True for requests in which it can say more
    (OPTIONS, Provision, Settings).
    """

    device_id: str
    device_type: str = ""
    user_agent: str = ""
    protocol_version: str = ""
    source: str = ""
    listener: str = ""
    model: str = ""
    told: DeviceFacts = _NOTHING_TOLD
    may_tell: bool = False


@dataclass(frozen=True, slots=True)
class RuleHit:
    """The rule that refuses, in the words of the settings file."""

    refusal: DeviceRefusal
    rule: str


def matches(value: str, pattern: str) -> bool:
    """Shell-style match (`*`, `?`, `[...]`) without regard to case."""
    return fnmatchcase(value.casefold(), pattern.casefold())


def matches_number(value: str, pattern: str) -> bool:
    """The same for an IMEI or phone number, without regard to spaces, hyphens, dots, slashes and brackets.

    They tell nothing apart: devices and purchase lists group the digits of the same number as they like.
    """
    return matches(_without_separators(value), _without_separators(pattern))


@lru_cache(maxsize=32768)
def _without_separators(number: str) -> str:
    return _SEPARATOR.sub(r"\1", number)


@dataclass(frozen=True, slots=True)
class _Lists:
    """The two lists on one property, and what the device says of it: any of `values` may fit a pattern."""

    name: str
    refusal: DeviceRefusal
    values: tuple[str, ...]
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    fits: Callable[[str, str], bool] = matches

    def find_hit(self) -> RuleHit | None:
        for pattern in self.deny:
            if self._has(pattern):
                return RuleHit(self.refusal, f"deny_{self.name} {pattern!r}")
        if self.allow and not any(map(self._has, self.allow)):
            return RuleHit(self.refusal, f"allow_{self.name}")
        return None

    def _has(self, pattern: str) -> bool:
        return any(self.fits(value, pattern) for value in self.values)


def find_rule_hit(policy: DevicePolicy, sighting: DeviceSighting) -> RuleHit | None:
    """The first rule that refuses the device, or None. Of facts only what is known is judged."""
    types, versions = (sighting.device_type,), (sighting.protocol_version,)
    lists = (
        _Lists("types", DeviceRefusal.TYPE_REFUSED, types, policy.allow_types, policy.deny_types),
        _on_user_agent(policy, sighting.user_agent),
        _Lists(
            "protocol_versions",
            DeviceRefusal.PROTOCOL_VERSION_REFUSED,
            versions,
            policy.allow_protocol_versions,
            policy.deny_protocol_versions,
        ),
    )
    return _first_hit(lists) or find_fact_hit(policy, sighting.told, model_of(sighting))


def find_fact_hit(policy: DevicePolicy, told: DeviceFacts, model: str) -> RuleHit | None:
    """The rule on facts that refuses; `model` is the user agent's, and either name of it may fit a pattern."""
    return _first_hit([one for one in _on_facts(policy, told, model) if one.values])


def find_untold(policy: DevicePolicy, sighting: DeviceSighting) -> str:
    """The allow list that can't be judged yet, because the device has not said what it is; "" where none."""
    for one in _on_facts(policy, sighting.told, model_of(sighting)):
        if one.allow and not one.values:
            return f"allow_{one.name}"
    return ""


def find_user_agent_hit(policy: DevicePolicy, user_agent: str) -> RuleHit | None:
    """The rule on user agents alone: a companion channel tells no more of its client."""
    return _on_user_agent(policy, user_agent).find_hit()


def _first_hit(lists: Sequence[_Lists]) -> RuleHit | None:
    return next((hit for one in lists if (hit := one.find_hit()) is not None), None)


def _on_user_agent(policy: DevicePolicy, user_agent: str) -> _Lists:
    return _Lists(
        "user_agents",
        DeviceRefusal.USER_AGENT_REFUSED,
        (user_agent,),
        policy.allow_user_agents,
        policy.deny_user_agents,
    )


def _on_facts(policy: DevicePolicy, told: DeviceFacts, model: str) -> tuple[_Lists, ...]:
    """The lists on facts; those without values can't be judged yet."""
    return (
        _Lists(
            "models",
            DeviceRefusal.MODEL_REFUSED,
            _said(told.model, model),
            policy.allow_models,
            policy.deny_models,
        ),
        _Lists("os", DeviceRefusal.OS_REFUSED, _said(told.os), policy.allow_os, policy.deny_os),
        _Lists(
            "imeis",
            DeviceRefusal.IMEI_REFUSED,
            _said(told.imei),
            policy.allow_imeis,
            policy.deny_imeis,
            matches_number,
        ),
        _Lists(
            "phone_numbers",
            DeviceRefusal.PHONE_NUMBER_REFUSED,
            _said(told.phone_number),
            policy.allow_phone_numbers,
            policy.deny_phone_numbers,
            matches_number,
        ),
        _Lists(
            "friendly_names",
            DeviceRefusal.FRIENDLY_NAME_REFUSED,
            _said(told.friendly_name),
            policy.allow_friendly_names,
            policy.deny_friendly_names,
        ),
    )


def _said(*values: str) -> tuple[str, ...]:
    return tuple(filter(None, values))


def model_of(sighting: DeviceSighting) -> str:
    """The hardware model, where the device tells one; "" where it doesn't."""
    if sighting.model:
        return sighting.model
    found = _APPLE_MODEL.match(sighting.user_agent)
    return found.group(1) if found else ""
