"""What a device says of itself in DeviceInformation: claims, bounded and made harmless before anybody keeps them.

A new build of the system, another SIM card or another name is daily life; another model under the same id is not.
Source: MS-ASCMD 2.2.3.45 (DeviceInformation) and the elements it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from handfast.identity.records import Partnership

MAX_FACT_CHARACTERS = 256
"""MS-ASCMD sets 1024 for some of them; what people and rules read is far shorter."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Each "" where the device did not say it. What names a person keeps out of the representation, and so of logs."""

    model: str = ""
    imei: str = field(default="", repr=False)
    friendly_name: str = field(default="", repr=False)
    os: str = ""
    os_language: str = ""
    phone_number: str = field(default="", repr=False)
    user_agent: str = ""
    mobile_operator: str = ""

    @classmethod
    def claimed(cls, said: Mapping[str, str]) -> DeviceFacts:
        """The facts by name; unknown names are left out, texts are bounded and their control characters escaped."""
        return cls(**{name: harmless(said.get(name, "")) for name in FACT_NAMES})


FACT_NAMES = tuple(each.name for each in fields(DeviceFacts))
_COLUMNS = {"model": "reported_model", "user_agent": "reported_user_agent"}


def harmless(text: str) -> str:
    """`text` without surrounding space, with whatever does not print as an escape, cut at `MAX_FACT_CHARACTERS`."""
    kept = text[:MAX_FACT_CHARACTERS].strip()
    if not kept.isprintable():
        kept = "".join(c if c.isprintable() else _escape(c) for c in kept)
    return kept[:MAX_FACT_CHARACTERS]


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def facts_of(known: Partnership) -> DeviceFacts:
    """What the record holds of the device's own words."""
    return DeviceFacts(**{name: getattr(known, _COLUMNS.get(name, name)) for name in FACT_NAMES})


def with_facts(known: Partnership, facts: DeviceFacts) -> Partnership:
    """The record with what was said now; what was left unsaid this time stays as it was."""
    said = {_COLUMNS.get(name, name): value for name in FACT_NAMES if (value := getattr(facts, name))}
    return replace(known, **said)
