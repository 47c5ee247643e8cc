"""Policy values that identity's rules take as arguments: how devices pair, and when guessing is cut off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class PartnershipMode(StrEnum):
    """How a device that identity has not seen yet can pair."""

    FIRST_USE = "first-use"
    WINDOW = "window"
    APPROVAL = "approval"
    LISTED = "listed"
    INSIDE = "inside"


class PhoneRefusals(StrEnum):
    """How a phone that may not is told: by its protocol's own Status (from 14.0 on), or by HTTP's status alone."""

    STATUS = "status"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """Which devices may pair and be used. Patterns are shell-style (`*`, `?`), compared without case.

    An empty allow list allows all; a deny list wins. `inside_listeners` names the listeners where mode INSIDE enrols.
    Models, systems, IMEIs, phone numbers and friendly names are known only once the device told them: see
    `device_rules.find_untold`. IMEIs and phone numbers are compared without what separates their digits.

    `quarantine_message` is what a phone in quarantine, or waiting for approval, finds in its mailbox.
    """

    mode: PartnershipMode = PartnershipMode.FIRST_USE
    device_limit: int = 10
    pending_limit: int = 3
    allow_types: tuple[str, ...] = ()
    deny_types: tuple[str, ...] = ()
    allow_user_agents: tuple[str, ...] = ()
    deny_user_agents: tuple[str, ...] = ()
    allow_protocol_versions: tuple[str, ...] = ()
    deny_protocol_versions: tuple[str, ...] = ()
    allow_models: tuple[str, ...] = ()
    deny_models: tuple[str, ...] = ()
    allow_os: tuple[str, ...] = ()
    deny_os: tuple[str, ...] = ()
    allow_imeis: tuple[str, ...] = ()
    deny_imeis: tuple[str, ...] = ()
    allow_phone_numbers: tuple[str, ...] = ()
    deny_phone_numbers: tuple[str, ...] = ()
    allow_friendly_names: tuple[str, ...] = ()
    deny_friendly_names: tuple[str, ...] = ()
    inside_listeners: frozenset[str] = frozenset()
    companion_window: timedelta = timedelta(hours=24)
    two_networks_window: timedelta = timedelta(seconds=60)
    phone_refusals: PhoneRefusals = PhoneRefusals.STATUS
    quarantine_message: str = ""


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """Failures in `window` before a human-chosen secret is no longer evaluated, by scope."""

    window: timedelta = timedelta(minutes=15)
    per_account_and_source: int = 10
    per_account: int = 50
    per_source: int = 100
    familiar_for: timedelta = timedelta(days=30)
