"""The Base64 query: protocol version, command, device and parameters packed into bytes.

Layout: version x10 (1 byte), command (1), locale (2, little-endian), then three length-prefixed fields (device id, policy
key, device type), then parameters to the end, each tag (1), length (1), value.

Source: MS-ASHTTP 2.2.1.1.1.1.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass

from handfast.protocols.errors import MalformedMessage

_SOURCE = "MS-ASHTTP 2.2.1.1.1.1"
_HEAD = struct.Struct("<BBH")
_SHAPE = re.compile(rb"(?:[A-Za-z0-9/+]|%2[BbFf])+(?:=|%3[Dd]){0,2}")
_POLICY_KEY_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Base64Fields:
    """The fields as numbers and bytes, meaning not yet judged. `parameters` are (tag, value) in the order sent."""

    version: int
    command: int
    locale: int
    device_id: bytes
    policy_key: int | None
    device_type: bytes
    parameters: tuple[tuple[int, bytes], ...] = ()


def has_base64_shape(raw: bytes) -> bool:
    """Whether `raw` can only be the Base64 form.

    Its alphabet has no `&`, and `=` stands at its end alone; a plain query has a value after its first `=`. So no
    query that means something in one form means anything in the other.
    """
    return _SHAPE.fullmatch(raw) is not None


def decode_base64(raw: bytes) -> Base64Fields:
    """Raises: MalformedMessage, also for bits that a second encoder would not reproduce."""
    reader = _Reader(_canonical_bytes(raw))
    version, command, locale = _HEAD.unpack(reader.take("head", _HEAD.size))
    device_id = reader.take_prefixed("device id")
    policy_key = _policy_key(reader.take_prefixed("policy key"))
    device_type = reader.take_prefixed("device type")
    parameters: list[tuple[int, bytes]] = []
    while reader.has_more():
        tag = reader.take("parameter tag", 1)[0]
        parameters.append((tag, reader.take_prefixed("parameter")))
    return Base64Fields(version, command, locale, device_id, policy_key, device_type, tuple(parameters))


def encode_base64(fields: Base64Fields) -> bytes:
    """The canonical text: standard alphabet, padded, nothing percent-encoded. Raises: ValueError over 255 bytes."""
    policy_key = (
        b"" if fields.policy_key is None else fields.policy_key.to_bytes(_POLICY_KEY_LENGTH, "little")
    )
    packed = _HEAD.pack(fields.version, fields.command, fields.locale)
    for part in (fields.device_id, policy_key, fields.device_type):
        packed += bytes([len(part)]) + part
    for tag, value in fields.parameters:
        packed += bytes([tag, len(value)]) + value
    return base64.b64encode(packed)


def _canonical_bytes(raw: bytes) -> bytes:
    text = re.sub(rb"%(..)", lambda escape: bytes([int(escape[1], 16)]), raw)
    if b"=" not in text:
        text += b"=" * (-len(text) % 4)  # The document does not say that padding is required.
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise MalformedMessage("activesync", "query", "broken Base64", "RFC 4648 4") from None
    if base64.b64encode(packed) != text:
        raise MalformedMessage("activesync", "query", "Base64 with stray bits", "RFC 4648 3.5")
    return packed


def _policy_key(value: bytes) -> int | None:
    if len(value) not in (0, _POLICY_KEY_LENGTH):
        raise MalformedMessage("activesync", "policy key", "neither 0 nor 4 bytes", _SOURCE)
    return int.from_bytes(value, "little") if value else None


class _Reader:
    """Takes bytes off the front; running short is the peer's fault."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def has_more(self) -> bool:
        return self._position < len(self._data)

    def take(self, field: str, length: int) -> bytes:
        piece = self._data[self._position : self._position + length]
        if len(piece) < length:
            raise MalformedMessage("activesync", field, f"cut short at byte {len(self._data)}", _SOURCE)
        self._position += length
        return piece

    def take_prefixed(self, field: str) -> bytes:
        return self.take(field, self.take(f"{field} length", 1)[0])
