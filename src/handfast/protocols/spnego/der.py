"""A small, strict DER reader and writer: definite minimal lengths, one-byte tags, bounded size.

Only what SPNEGO needs. There is no recursion: the caller opens each level by name, so depth is bounded by its code.
Source: X.690 8.1, 10.1.
"""

from __future__ import annotations

from handfast.protocols.errors import MalformedMessage

OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
BIT_STRING = 0x03
SEQUENCE = 0x30
APPLICATION_0 = 0x60

_MAX_OID_BYTES = 32


def context_tag(number: int) -> int:
    """The tag of a constructed, context-specific element; `number` up to 30."""
    return 0xA0 | number


def malformed(field: str, problem: str, source: str = "X.690") -> MalformedMessage:
    """The refusal of a SPNEGO token, ready to be raised."""
    return MalformedMessage("spnego", field, problem, source)


class DerReader:
    """Reads one level of elements from `data`; `field` names it in refusals. All methods raise MalformedMessage."""

    def __init__(self, data: bytes, field: str) -> None:
        self._data = data
        self._field = field
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        """Whether every element has been read."""
        return self._at == len(self._data)

    def read(self, tag: int) -> bytes:
        """The content of the next element, which must have that tag."""
        if self._at >= len(self._data):
            raise malformed(self._field, f"ends where tag 0x{tag:02x} is due")
        found = self._data[self._at]
        if found != tag:
            raise malformed(self._field, f"tag 0x{found:02x} where 0x{tag:02x} is due")
        self._at += 1
        length = self._read_length()
        content = self._data[self._at : self._at + length]
        if len(content) < length:
            raise malformed(self._field, f"{length} bytes announced, {len(content)} there")
        self._at += length
        return content

    def read_optional(self, tag: int) -> bytes | None:
        """The content of the next element if it has that tag; None otherwise, and nothing is read."""
        if self.is_at_end or self._data[self._at] != tag:
            return None
        return self.read(tag)

    def end(self) -> None:
        """Refuses anything that is left."""
        if not self.is_at_end:
            raise malformed(self._field, f"{len(self._data) - self._at} bytes too many")

    def _read_length(self) -> int:
        first = self._take(1)[0]
        if first < 0x80:
            return first
        if first == 0x80:
            raise malformed(self._field, "indefinite length", "X.690 10.1")
        if first > 0x84:
            raise malformed(self._field, "length of more than four bytes")
        digits = self._take(first & 0x7F)
        length = int.from_bytes(digits, "big")
        if digits[0] == 0 or length < 0x80:
            raise malformed(self._field, "length is not in its shortest form", "X.690 10.1")
        return length

    def _take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise malformed(self._field, "ends within a length")
        self._at += count
        return piece


def read_only(data: bytes, tag: int, field: str) -> bytes:
    """The content of the one element that `data` consists of. Raises: MalformedMessage."""
    reader = DerReader(data, field)
    content = reader.read(tag)
    reader.end()
    return content


def encode_element(tag: int, content: bytes) -> bytes:
    """One element with its length in the shortest form."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + content


def parse_oid(content: bytes, field: str) -> str:
    """An object identifier in dotted form. Raises: MalformedMessage. Source: X.690 8.19."""
    if not 0 < len(content) <= _MAX_OID_BYTES:
        raise malformed(field, f"an object identifier of {len(content)} bytes", "X.690 8.19")
    arcs = []
    value = 0
    for byte in content:
        if value == 0 and byte == 0x80:
            raise malformed(field, "an arc is not in its shortest form", "X.690 8.19.2")
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            arcs.append(value)
            value = 0
    if content[-1] >= 0x80:
        raise malformed(field, "an object identifier ends within an arc", "X.690 8.19.2")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def encode_oid(dotted: str) -> bytes:
    """The content bytes of an object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    return b"".join(map(_encode_arc, (40 * first + second, *rest)))


def _encode_arc(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))
