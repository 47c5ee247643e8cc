"""The server's answer to the Settings command, as far as it concerns DeviceInformation.

Source: MS-ASCMD 2.2.3.177.15, 6.40.
"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

SUCCESS = 1
MAX_STATUS = 0xFFFF
# An answer can also carry out-of-office texts and the list of the user's addresses.
MAX_ANSWER_BYTES = 256 * 1024

_PAGE = "Settings"


@dataclass(frozen=True, slots=True)
class SettingsAnswer:
    """`status` for the whole command, `device_information_status` for that part; None where the answer lacks it.

    1 is success, 2 a protocol error; 5-7 are invalid arguments, conflicting arguments, denied by policy.
    """

    status: int | None = SUCCESS
    device_information_status: int | None = None


def parse_settings_answer(body: bytes) -> SettingsAnswer:
    """Raises: MalformedMessage."""
    document = decode(body, max_bytes=MAX_ANSWER_BYTES)
    if (document.page, document.name) != (_PAGE, "Settings"):
        raise MalformedMessage("activesync", "Settings", "another command's answer", "MS-ASCMD 6.40")
    return SettingsAnswer(
        document.number_at("Status", largest=MAX_STATUS),
        document.number_at("DeviceInformation", "Status", largest=MAX_STATUS),
    )


def encode_settings_answer(answer: SettingsAnswer) -> bytes:
    """The answer with the parts that `answer` has."""
    parts: list[Element] = []
    if answer.status is not None:
        parts.append(leaf(_PAGE, "Status", answer.status))
    if answer.device_information_status is not None:
        parts.append(device_information_status(answer.device_information_status))
    return encode(Element(_PAGE, "Settings", tuple(parts)))


def device_information_status(status: int) -> Element:
    """DeviceInformation with its Status, as the answers to Settings and to Provision carry it."""
    return Element(_PAGE, "DeviceInformation", (leaf(_PAGE, "Status", status),))
