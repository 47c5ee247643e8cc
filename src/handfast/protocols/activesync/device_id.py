"""Device ids and types: what may stand in them, and the one form in which two ids are compared."""

from __future__ import annotations

import string

from handfast.protocols.errors import MalformedMessage

# Microsoft's ActiveSync client protocol of 2008 allowed 32 letters and digits. The open specifications name no limit
# any more, the Base64 form could carry 255 bytes; twice the old limit leaves room and keeps keys and logs short.
MAX_DEVICE_ID_LENGTH = 64
MAX_DEVICE_TYPE_LENGTH = 64
GUID_LENGTH = 16

_ALPHANUMERIC = frozenset((string.ascii_letters + string.digits).encode())
# The document allows any string; these are enough for every type known to us and cannot be mistaken for query syntax.
_DEVICE_TYPE = _ALPHANUMERIC | frozenset(b" -._")


def canonical_device_id(sent: bytes) -> str:
    """The form in which a device id is stored and compared: ASCII letters and digits, upper-case; "" for b"".

    `sent` is the id as the query carries it once decoded. Letters and digits are upper-cased, because Exchange keeps
    devices under names the directory compares without case. Sixteen bytes that are not printable text are a GUID and
    equal their 32 hexadecimal digits, so that one device is one device in both forms of the query.

    Source: MS-ASHTTP 2.2.1.1.1.1 (a string or a GUID), 2.2.1.1.1.2.3 (no special characters).
    Raises: MalformedMessage.
    """
    if len(sent) > MAX_DEVICE_ID_LENGTH:
        raise MalformedMessage(
            "activesync",
            "DeviceId",
            f"longer than {MAX_DEVICE_ID_LENGTH} characters",
            "MS-ASHTTP 2.2.1.1.1.2.3",
        )
    if _ALPHANUMERIC.issuperset(sent):
        return sent.decode("ascii").upper()
    if len(sent) == GUID_LENGTH and not _printable(sent):
        return sent.hex().upper()
    raise MalformedMessage(
        "activesync", "DeviceId", "neither letters and digits nor a 16-byte GUID", "MS-ASHTTP 2.2.1.1.1.2.3"
    )


def checked_device_type(sent: bytes) -> str:
    """The device type as sent: up to 64 ASCII letters, digits, spaces and "-._", "" where none was sent.

    Source: MS-ASHTTP 2.2.1.1.1.2.4. Raises: MalformedMessage.
    """
    if len(sent) > MAX_DEVICE_TYPE_LENGTH:
        problem = f"longer than {MAX_DEVICE_TYPE_LENGTH} characters"
        raise MalformedMessage("activesync", "DeviceType", problem, "MS-ASHTTP 2.2.1.1.1.2.4")
    if not _DEVICE_TYPE.issuperset(sent):
        raise MalformedMessage("activesync", "DeviceType", "other than letters, digits, space and -._")
    return sent.decode("ascii")


def _printable(sent: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in sent)
