"""What all three messages share: signature, type, and fields that point into the payload.

Each variable field is an eight-byte header (length 16 bits, allocated length 16 bits, offset 32 bits) whose bytes lie
somewhere in the payload. Nothing is believed of it before it is checked against the message at hand.
Source: MS-NLMP 2.2, 2.2.1.
"""

from __future__ import annotations

import struct
import unicodedata

from handfast.protocols.errors import MalformedMessage

PROTOCOL = "ntlm"
SIGNATURE = b"NTLMSSP\x00"

MAX_MESSAGE_BYTES = 16 * 1024
"""Far above any real message (some 300 to 900 bytes, 2 KiB with very long names), far below what could hurt."""

MAX_NAME_BYTES = 1024
"""On the wire, so 512 UTF-16 units; Windows names end at 256 characters for a domain, 104 for a UPN's user part."""


def malformed(field: str, problem: str, source: str = "") -> MalformedMessage:
    """The refusal of an NTLM message, ready to be raised."""
    return MalformedMessage(PROTOCOL, field, problem, f"MS-NLMP {source}" if source else "")


def message_type(data: bytes) -> int:
    """The type of an NTLMSSP message: 1, 2 or 3.

    Raises: MalformedMessage (no NTLMSSP signature, unknown type, longer than 16 KiB).
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise malformed("message", f"{len(data)} bytes, more than {MAX_MESSAGE_BYTES}")
    if not data.startswith(SIGNATURE):
        raise malformed("Signature", "not NTLMSSP", "2.2.1")
    if len(data) < 12:
        raise malformed("MessageType", "the message ends before it", "2.2.1")
    kind = int.from_bytes(data[8:12], "little")
    if kind not in {1, 2, 3}:
        raise malformed("MessageType", f"{kind} is none of 1, 2, 3", "2.2.1")
    return kind


def require_message(data: bytes, kind: int, name: str, fixed_bytes: int, source: str) -> None:
    """Refuses what is not a message of type `kind` with at least its fixed part. Raises: MalformedMessage."""
    found = message_type(data)
    if found != kind:
        raise malformed("MessageType", f"{found} where {name} ({kind}) is due", source)
    if len(data) < fixed_bytes:
        raise malformed(name, f"{len(data)} bytes, fewer than its fixed {fixed_bytes}", source)


def read_field(data: bytes, at: int, name: str, first_payload_byte: int) -> tuple[bytes, int | None]:
    """The bytes of the field whose header is at `at`, and their offset; (b"", None) where the field is empty.

    An empty field's offset is ignored, as the specification wants: clients put 0 or the end of the payload there.

    Raises: MalformedMessage (the field lies outside the payload).
    """
    length, _, offset = struct.unpack_from("<HHI", data, at)
    if not length:
        return b"", None
    if offset < first_payload_byte or offset + length > len(data):
        problem = f"{length} bytes at {offset} do not lie in the payload of {len(data)} bytes"
        raise malformed(name, problem, "2.2.1")
    return data[offset : offset + length], offset


def decode_name(raw: bytes, name: str, *, is_unicode: bool) -> str:
    """A name from its wire form: UTF-16-LE, or the client's OEM code page.

    No message says which code page that is. UTF-8 is tried first (curl and other clients send it as "OEM"), then
    ISO-8859-1, which takes any byte.

    Raises: MalformedMessage (too long, an odd number of bytes, half of a surrogate pair, a control character).
    """
    if len(raw) > MAX_NAME_BYTES:
        raise malformed(name, f"{len(raw)} bytes, more than {MAX_NAME_BYTES}")
    text = _decode_utf16(raw, name) if is_unicode else _decode_oem(raw)
    # Printable text holds no control character, and is told at once.
    if not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text):
        raise malformed(name, "holds a control character")
    return text


def encode_name(text: str, *, is_unicode: bool) -> bytes:
    """A name in its wire form; the OEM form is UTF-8."""
    return text.encode("utf-16-le" if is_unicode else "utf-8")


def _decode_utf16(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise malformed(name, "is not UTF-16", "2.2") from error


def _decode_oem(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")


class PayloadWriter:
    """Collects fields behind a fixed part of `fixed_bytes` and tells each one's header."""

    def __init__(self, fixed_bytes: int) -> None:
        self._fixed_bytes = fixed_bytes
        self._payload = bytearray()

    def add(self, raw: bytes) -> bytes:
        """The eight-byte header of a field that holds `raw`. Raises: ValueError above 65,535 bytes."""
        if len(raw) > 0xFFFF:
            raise ValueError(f"a field holds at most 65535 bytes, not {len(raw)}")
        header = struct.pack("<HHI", len(raw), len(raw), self._fixed_bytes + len(self._payload))
        self._payload += raw
        return header

    @property
    def payload(self) -> bytes:
        """Everything added so far, in order."""
        return bytes(self._payload)
