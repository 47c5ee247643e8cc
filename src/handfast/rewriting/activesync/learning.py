"""What a phone says of itself while its requests pass, or while it waits: DeviceInformation in Provision and Settings.

Source: MS-ASPROV 2.2.2.53 (in Provision, 14.1), MS-ASCMD 2.2.3.45 (in Settings, the other versions from 12.0).
"""

from __future__ import annotations

from handfast.decision.outcome import Grant
from handfast.decision.ports import GatewayEvent
from handfast.decision.reported import FACTS_EVENT
from handfast.decision.stages.device import FACT_COMMANDS
from handfast.identity.device_facts import FACT_NAMES, DeviceFacts
from handfast.protocols.activesync.device_information import parse_device_information
from handfast.protocols.errors import MalformedMessage

MAX_FACTS_BYTES = 16 * 1024
"""A Provision or Settings request with all its facts has some hundred bytes."""


def may_hold_facts(command: str) -> bool:
    """True for the commands whose body can carry DeviceInformation."""
    return command in FACT_COMMANDS


def read_facts(body: bytes) -> DeviceFacts | None:
    """The facts in a Provision or Settings request; None where it has none, or can't be read.

    The request passed already or is refused anyway, so what we can't read is nobody's loss.
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
    return _event(grant.publication, ("grant_id", grant.grant_id), facts)


def waiting_facts_event(publication: str, note: bytes, facts: DeviceFacts) -> GatewayEvent:
    """The report of what a device said of itself that has to wait; `note` is `Decision.telling`."""
    return _event(publication, ("note", note.hex()), facts)


def _event(publication: str, proof: tuple[str, str], facts: DeviceFacts) -> GatewayEvent:
    said = tuple((name, value) for name in FACT_NAMES if (value := getattr(facts, name)))
    return GatewayEvent(FACTS_EVENT, publication=publication, details=(proof, *said))
