"""What a phone asks with the Provision command.

Two phases: it asks for a policy by its type, and then, with the temporary key it was given, says what became of it. The
same command acknowledges a remote wipe; and a phone told of a wipe sends a Provision with nothing inside.

Source: MS-ASPROV 2.2.2.41-44, 3.1.5.1.1, 3.1.5.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.protocols.activesync.device_information import (
    MAX_REQUEST_BYTES,
    MAX_REQUEST_ELEMENTS,
    DeviceInformation,
    device_information_element,
    find_device_information,
)
from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.remote_wipe import (
    WipeAcknowledgement,
    acknowledgement,
    find_acknowledgement,
)
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

WBXML_POLICY = "MS-EAS-Provisioning-WBXML"
"""The policy type from version 12.0 on; 2.5 says "MS-WAP-Provisioning-XML"."""
MAX_POLICY_TYPE_CHARACTERS = 64
MAX_STATUS = 0xFFFF

_PAGE = "Provision"


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """A phone's word on one policy: in the first phase its type alone, in the second also key and status.

    `key` is the temporary key being acknowledged. `status` 1: applied whole, 2: in part, 3: not at all, 4: the device
    is managed by someone else. Seen: iOS 5 acknowledges a wipe with a policy of Status alone, without a type.
    Source: MS-ASPROV 2.2.2.54.1.
    """

    policy_type: str = ""
    key: int | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class ProvisionRequest:
    """A Provision request; all None is the empty one, by which a phone asks what to do after Status 140 or HTTP 449."""

    policy: PolicyRequest | None = None
    wipe: WipeAcknowledgement | None = None
    device_information: DeviceInformation | None = None


def parse_provision_request(body: bytes) -> ProvisionRequest:
    """The request in a WBXML body of at most 64 KiB. Raises: MalformedMessage."""
    document = decode(body, max_bytes=MAX_REQUEST_BYTES, max_elements=MAX_REQUEST_ELEMENTS)
    if (document.page, document.name) != (_PAGE, "Provision"):
        raise MalformedMessage("activesync", "Provision", "another command's request", "MS-ASPROV 2.2.2.44")
    policy = document.first("Policies", "Policy")
    return ProvisionRequest(
        _policy(policy) if policy else None,
        find_acknowledgement(document),
        find_device_information(document),
    )


def encode_provision_request(request: ProvisionRequest) -> bytes:
    """The body a phone would send."""
    parts: list[Element] = []
    if request.device_information:
        parts.append(device_information_element(request.device_information))
    if request.policy:
        parts.append(Element(_PAGE, "Policies", (_policy_element(request.policy),)))
    if request.wipe:
        parts.append(acknowledgement(request.wipe))
    return encode(Element(_PAGE, "Provision", tuple(parts)))


def _policy(policy: Element) -> PolicyRequest:
    policy_type = policy.text_at("PolicyType")
    if len(policy_type) > MAX_POLICY_TYPE_CHARACTERS:
        raise MalformedMessage("activesync", "PolicyType", f"longer than {MAX_POLICY_TYPE_CHARACTERS}")
    return PolicyRequest(
        policy_type, policy.number_at("PolicyKey"), policy.number_at("Status", largest=MAX_STATUS)
    )


def _policy_element(policy: PolicyRequest) -> Element:
    said = (("PolicyType", policy.policy_type or None), ("PolicyKey", policy.key), ("Status", policy.status))
    return Element(
        _PAGE, "Policy", tuple(leaf(_PAGE, tag, value) for tag, value in said if value is not None)
    )
