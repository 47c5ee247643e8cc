"""What a server answers to the Provision command: a policy with its key, or the order to wipe.

Source: MS-ASPROV 2.2.2.41-45, 3.2.5.1.1, 3.2.5.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.provision_request import MAX_STATUS
from handfast.protocols.activesync.remote_wipe import WipeKind, directive, find_directive
from handfast.protocols.activesync.settings_answer import device_information_status
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

SUCCESS = 1
# A policy of every setting is some 5 KiB; lists of applications and their hashes can make it long.
MAX_ANSWER_BYTES = 256 * 1024

_PAGE = "Provision"


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One policy: its type, what became of the request for it, the key, and in the first phase the policy itself.

    `status` 1: here it is, 2: no policy for this client, 3: unknown type, 4: the stored policy is corrupt, 5: the client
    acknowledged the wrong key. `key` is temporary in the first phase, and in the second the one the phone sends from
    now on. `document` is the EASProvisionDoc element, None where there is none (or, for version 2.5, text).
    Source: MS-ASPROV 2.2.2.54.1.
    """

    policy_type: str
    status: int = SUCCESS
    key: int | None = None
    document: Element | None = None


@dataclass(frozen=True, slots=True)
class ProvisionAnswer:
    """A Provision answer; with the defaults alone it is the plain "Status 1" that ends an acknowledged wipe.

    `status` 1: success, 2: protocol error (also with `wipe`, after a wipe that failed), 3: general server error. `wipe`
    orders one. Source: MS-ASPROV 2.2.2.54.2, 3.2.5.1.2.2.
    """

    status: int = SUCCESS
    policy: PolicyAnswer | None = None
    wipe: WipeKind | None = None
    device_information_status: int | None = None


def parse_provision_answer(body: bytes) -> ProvisionAnswer:
    """The answer in a WBXML body of at most 256 KiB. Raises: MalformedMessage."""
    document = decode(body, max_bytes=MAX_ANSWER_BYTES)
    if (document.page, document.name) != (_PAGE, "Provision"):
        raise MalformedMessage("activesync", "Provision", "another command's answer", "MS-ASPROV 2.2.2.44")
    policy = document.first("Policies", "Policy")
    return ProvisionAnswer(
        _status(document),
        _policy(policy) if policy else None,
        find_directive(document),
        document.number_at("DeviceInformation", "Status", largest=MAX_STATUS),
    )


def encode_provision_answer(answer: ProvisionAnswer) -> bytes:
    """The body a server sends, its parts in the schema's order."""
    parts: list[Element] = []
    if answer.device_information_status is not None:
        parts.append(device_information_status(answer.device_information_status))
    parts.append(leaf(_PAGE, "Status", answer.status))
    if answer.policy:
        parts.append(Element(_PAGE, "Policies", (_policy_element(answer.policy),)))
    if answer.wipe:
        parts.append(directive(answer.wipe))
    return encode(Element(_PAGE, "Provision", tuple(parts)))


def _policy(policy: Element) -> PolicyAnswer:
    return PolicyAnswer(
        policy.text_at("PolicyType"),
        _status(policy),
        policy.number_at("PolicyKey"),
        policy.first("Data", "EASProvisionDoc"),
    )


def _status(element: Element) -> int:
    status = element.number_at("Status", largest=MAX_STATUS)
    if status is None:
        raise MalformedMessage("activesync", element.name, "without Status", "MS-ASPROV 2.2.2.54")
    return status


def _policy_element(policy: PolicyAnswer) -> Element:
    parts = [leaf(_PAGE, "PolicyType", policy.policy_type), leaf(_PAGE, "Status", policy.status)]
    if policy.key is not None:
        parts.append(leaf(_PAGE, "PolicyKey", policy.key))
    if policy.document:
        parts.append(Element(_PAGE, "Data", (policy.document,)))
    return Element(_PAGE, "Policy", tuple(parts))
