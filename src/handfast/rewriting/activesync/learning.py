"""What a phone says of itself while its requests pass: DeviceInformation in Provision and Settings.

Source: MS-ASPROV 2.2.2.53 (in Provision, 14.1), MS-ASCMD 2.2.3.45 (in Settings, the other versions from 12.0).
"""

from __future__ import annotations

from handfast.decision.outcome import Grant
from handfast.decision.ports import GatewayEvent
from handfast.decision.reported import FACTS_EVENT
from handfast.identity.device_facts import FACT_NAMES, DeviceFacts
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.device_information import parse_device_information
from handfast.protocols.errors import MalformedMessage

MAX_FACTS_BYTES = 16 * 1024
"""A Provision or Settings request with all its facts has some hundred bytes."""

_COMMANDS = frozenset({Command.PROVISION, Command.SETTINGS})


def may_hold_facts(command: str) -> bool:
    """True for the commands whose body can carry DeviceInformation."""
    return command in _COMMANDS


def read_facts(body: bytes) -> DeviceFacts | None:
    """The facts in a Provision or Settings request; None where it has none, or can't be read.

    The request passed already, so what we can't read is the server's to refuse.
    """
    if not body or len(body) > MAX_FACTS_BYTES:
        return None
    try:
        told = parse_device_information(body)
    except MalformedMessage:
        return None
    if told is None:
        return None
    facts = DeviceFacts.claimed({name: getattr(told, name) for name in FACT_NAMES})
    return facts if facts != DeviceFacts() else None


def facts_event(grant: Grant, facts: DeviceFacts) -> GatewayEvent:
    """The report of what the device of a live grant said of itself."""
    said = tuple((name, value) for name in FACT_NAMES if (value := getattr(facts, name)))
    return GatewayEvent(
        FACTS_EVENT, publication=grant.publication, details=(("grant_id", grant.grant_id), *said)
    )
