"""The SOAP answer as a client reads it: settings by name, for each mailbox or domain.

Source: MS-OXWSADISC 3.1.4.2, 3.1.4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handfast.protocols.autodiscover.schemas import AUTODISCOVER, SOAP_11
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlElement, XmlLimits, parse_xml
from handfast.protocols.xml.tree import local_name

LIMITS: Final = XmlLimits()
_RESPONSES = frozenset({"UserResponse", "DomainResponse"})
_SETTINGS = frozenset({"UserSetting", "DomainSetting"})


@dataclass(frozen=True, slots=True)
class SubjectSettings:
    """The answer about one mailbox or domain.

    Attributes:
        error: NoError, RedirectAddress, RedirectUrl, InvalidUser and so on.
        target: of a redirect, else "".
        settings: names and text values; a setting that is a list is present with "".
    """

    error: str
    target: str
    settings: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """The value of a setting, "" without one."""
        return next((value for found, value in self.settings if found == name), "")


def parse_soap_answer(data: bytes, content_type: bytes = b"") -> tuple[SubjectSettings, ...]:
    """One answer for each mailbox or domain, in the order asked. A fault has none.

    Raises: MalformedMessage.
    """
    root = parse_xml(data, content_type=content_type, limits=LIMITS)
    if local_name(root) != (SOAP_11, "Envelope"):
        raise MalformedMessage("autodiscover", "answer", "not SOAP 1.1", "MS-OXWSADISC 2.1")
    return tuple(_read_subject(element) for element in root.iter() if local_name(element)[1] in _RESPONSES)


def _read_subject(response: XmlElement) -> SubjectSettings:
    settings = [element for element in response.iter() if local_name(element)[1] in _SETTINGS]
    pairs = tuple((_text(setting, "Name"), _text(setting, "Value")) for setting in settings)
    return SubjectSettings(_text(response, "ErrorCode"), _text(response, "RedirectTarget"), pairs)


def _text(parent: XmlElement, name: str) -> str:
    child = parent.find(f"{{{AUTODISCOVER}}}{name}")
    return "" if child is None else (child.text or "").strip()
