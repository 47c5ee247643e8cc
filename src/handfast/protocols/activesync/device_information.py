"""What a phone tells about itself: model, IMEI, system and so on.

Up to protocol version 14.0 and from 16.0 on it comes with the Settings command, with 14.1 inside the first Provision
request; both carry the same DeviceInformation/Set. Nothing of it is proven: any client can claim anything.

Source: MS-ASCMD 2.2.3.45, 2.2.3.167, 6.38; MS-ASPROV 2.2.2.53.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

# The schema's own limit for every string here. Source: MS-ASCMD 6.38, DeviceInformationStringType.
MAX_VALUE_CHARACTERS = 1024
# Nine values of 1024 characters, four bytes each at most, and room for a policy's acknowledgement beside them.
MAX_REQUEST_BYTES = 64 * 1024
MAX_REQUEST_ELEMENTS = 200

_PAGE = "Settings"
_TAG_BY_FIELD = {
    "model": "Model",
    "imei": "IMEI",
    "friendly_name": "FriendlyName",
    "os": "OS",
    "os_language": "OSLanguage",
    "phone_number": "PhoneNumber",
    "user_agent": "UserAgent",
    "mobile_operator": "MobileOperator",
}


@dataclass(frozen=True, slots=True)
class DeviceInformation:
    """Each value at most 1024 printable characters, "" where the phone said nothing; fit to be shown and stored.

    `enable_outbound_sms` None was not said. What names a person keeps out of the representation.
    """

    model: str = ""
    imei: str = field(default="", repr=False)
    friendly_name: str = field(default="", repr=False)
    os: str = ""
    os_language: str = ""
    phone_number: str = field(default="", repr=False)
    user_agent: str = ""
    mobile_operator: str = ""
    enable_outbound_sms: bool | None = None


def parse_device_information(body: bytes) -> DeviceInformation | None:
    """What the body of a Settings or Provision request tells; None where it carries no DeviceInformation/Set.

    Raises: MalformedMessage, also for a value of more than 1024 characters.
    """
    document = decode(body, max_bytes=MAX_REQUEST_BYTES, max_elements=MAX_REQUEST_ELEMENTS)
    return find_device_information(document)


def find_device_information(document: Element) -> DeviceInformation | None:
    """As `parse_device_information`, of a body already decoded."""
    told = document.first("DeviceInformation", "Set")
    if told is None:
        return None
    values = {name: _value(told, tag) for name, tag in _TAG_BY_FIELD.items()}
    sms = told.number_at("EnableOutboundSMS", largest=1)
    return DeviceInformation(**values, enable_outbound_sms=None if sms is None else bool(sms))


def device_information_element(information: DeviceInformation) -> Element:
    """The DeviceInformation element a phone sends; values not said are left out.

    Raises: ValueError for a value of more than 1024 characters.
    """
    told = [
        leaf(_PAGE, tag, _checked(tag, value))
        for name, tag in _TAG_BY_FIELD.items()
        if (value := getattr(information, name))
    ]
    if information.enable_outbound_sms is not None:
        told.append(leaf(_PAGE, "EnableOutboundSMS", int(information.enable_outbound_sms)))
    return Element(_PAGE, "DeviceInformation", (Element(_PAGE, "Set", tuple(told)),))


def encode_device_information(information: DeviceInformation) -> bytes:
    """A Settings request that tells `information`. Raises: ValueError as `device_information_element`."""
    return encode(Element(_PAGE, "Settings", (device_information_element(information),)))


def _value(told: Element, tag: str) -> str:
    text = told.text_at(tag)
    if len(text) > MAX_VALUE_CHARACTERS:
        problem = f"longer than {MAX_VALUE_CHARACTERS} characters"
        raise MalformedMessage("activesync", tag, problem, "MS-ASCMD 6.38")
    if not text.isprintable():
        # Line ends and text that turns its direction would deceive whoever reads a list of devices.
        text = "".join(character if character.isprintable() else " " for character in text)
    return text.strip()


def _checked(tag: str, value: str) -> str:
    if len(value) > MAX_VALUE_CHARACTERS:
        raise ValueError(f"{tag} is longer than {MAX_VALUE_CHARACTERS} characters")
    return value
