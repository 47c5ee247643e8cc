"""Remote wipe inside Provision: the server's directive is an empty element, the phone's answer the same with a Status.

The phone learns of a wipe when any command is answered with Status 140 (HTTP 449 before version 14.0), sends a Provision
(an empty one, says the document), gets the directive with Status 1, acknowledges it and erases itself, without waiting
for the last answer. That is Status 1 to a success; to a failure it is Status 2 with the directive once more.

Source: MS-ASPROV 2.2.2.1, 2.2.2.45, 3.1.5.1.1, 3.1.5.1.2.2-3, 3.2.5.1.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.errors import MalformedMessage

WIPE_SUCCEEDED = 1

_PAGE = "Provision"
_MAX_STATUS = 0xFFFF


class WipeKind(StrEnum):
    """What is erased; the value is the element's name."""

    FULL = "RemoteWipe"
    """Everything on the device, which is then as it left the factory."""
    ACCOUNT_ONLY = "AccountOnlyRemoteWipe"
    """What came from this server. Version 16.1 knows it, and no other."""


@dataclass(frozen=True, slots=True)
class WipeAcknowledgement:
    """A phone's answer to a directive: Status 1 is "done", anything else (2 in the document) is "failed".

    Source: MS-ASPROV 2.2.2.54.3.
    """

    kind: WipeKind
    status: int

    @property
    def succeeded(self) -> bool:
        """Whether the phone says that it obeys."""
        return self.status == WIPE_SUCCEEDED


def directive(kind: WipeKind) -> Element:
    """The element by which the server orders a wipe."""
    return Element(_PAGE, kind.value)


def acknowledgement(answer: WipeAcknowledgement) -> Element:
    """The element by which a phone answers."""
    return Element(_PAGE, answer.kind.value, (leaf(_PAGE, "Status", answer.status),))


def find_directive(provision: Element) -> WipeKind | None:
    """The wipe that a Provision answer orders. Raises: MalformedMessage for both kinds at once."""
    element = _find(provision)
    return WipeKind(element.name) if element else None


def find_acknowledgement(provision: Element) -> WipeAcknowledgement | None:
    """The wipe that a Provision request acknowledges.

    Raises: MalformedMessage for both kinds at once, and without the Status it must have: a wipe is never recorded as
    done on a guess.
    """
    element = _find(provision)
    if element is None:
        return None
    status = element.number_at("Status", largest=_MAX_STATUS)
    if status is None:
        raise MalformedMessage("activesync", element.name, "without Status", "MS-ASPROV 3.1.5.1.2.2")
    return WipeAcknowledgement(WipeKind(element.name), status)


def _find(provision: Element) -> Element | None:
    found = [child for kind in WipeKind for child in provision.all(kind.value) if child.page == _PAGE]
    if len(found) > 1:
        raise MalformedMessage("activesync", found[0].name, "given more than once", "MS-ASPROV 2.2.2.44")
    return found[0] if found else None
