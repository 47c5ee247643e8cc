"""The PROXY protocol, version 2: who really connected, said by the balancer in front.

Read in two steps, because not one byte after the header may be taken from the TLS handshake: a fixed part of 16 bytes
that says how many follow, then exactly those. Version 1 (a text line) is refused: its end must be searched for.

Source: The PROXY protocol, versions 1 & 2 (HAProxy), section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from handfast.protocols.errors import MalformedMessage

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FIXED_BYTES = 16
MAX_VARIABLE_BYTES = 4096

_LOCAL, _PROXY = 0x20, 0x21
_ADDRESS_BYTES = {0x11: 12, 0x21: 36}
_TLV_HEAD_BYTES = 3


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """The client's address and port as the balancer saw them; both empty for LOCAL (the balancer's own check)."""

    source: str = ""
    source_port: int = 0


def parse_fixed(data: bytes) -> int:
    """How many bytes follow the fixed part. `data` has exactly 16 bytes. Raises: MalformedMessage."""
    if len(data) != FIXED_BYTES or data[:12] != SIGNATURE:
        raise _refused("signature", "is missing")
    if data[12] not in (_LOCAL, _PROXY):
        raise _refused("version and command", "is not version 2 with LOCAL or PROXY")
    length = int.from_bytes(data[14:16], "big")
    if length > MAX_VARIABLE_BYTES:
        raise _refused("length", f"above {MAX_VARIABLE_BYTES} bytes")
    if data[12] == _PROXY and data[13] not in _ADDRESS_BYTES:
        raise _refused("family", "is not TCP over IPv4 or IPv6")
    if data[12] == _PROXY and length < _ADDRESS_BYTES[data[13]]:
        raise _refused("length", "is too short for its addresses")
    return length


def parse_variable(fixed: bytes, data: bytes) -> ProxyHeader:
    """The header as a whole; `data` has exactly the announced length. Raises: MalformedMessage."""
    if parse_fixed(fixed) != len(data):
        raise _refused("length", "is not what was announced")
    if fixed[12] == _LOCAL:
        return ProxyHeader()
    size = _ADDRESS_BYTES[fixed[13]]
    _check_tlvs(data[size:])
    if size == 12:
        return ProxyHeader(str(IPv4Address(data[:4])), int.from_bytes(data[8:10], "big"))
    address = IPv6Address(data[:16])
    return ProxyHeader(str(address.ipv4_mapped or address), int.from_bytes(data[32:34], "big"))


def _check_tlvs(data: bytes) -> None:
    """Walks over the extensions without using them: a length that leads outside is a broken header."""
    while data:
        if len(data) < _TLV_HEAD_BYTES:
            raise _refused("TLV", "is cut off")
        end = _TLV_HEAD_BYTES + int.from_bytes(data[1:3], "big")
        if end > len(data):
            raise _refused("TLV", "is cut off")
        data = data[end:]


def _refused(name: str, problem: str) -> MalformedMessage:
    return MalformedMessage("proxy", name, problem, "PROXY protocol 2.2")
