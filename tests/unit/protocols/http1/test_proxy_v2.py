import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.proxy_v2 import SIGNATURE, ProxyHeader, parse_fixed, parse_variable


def header(command=0x21, family=0x11, variable=b"") -> tuple[bytes, bytes]:
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(variable)), variable


V4 = bytes([203, 0, 113, 9, 127, 0, 0, 1]) + struct.pack(">HH", 4711, 443)


def v6(address: str) -> bytes:
    return ip_address(address).packed + bytes(16) + struct.pack(">HH", 4711, 443)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (header(variable=V4), ProxyHeader("203.0.113.9", 4711)),
        (header(variable=V4 + b"\x04\x00\x02ab\x05\x00\x00"), ProxyHeader("203.0.113.9", 4711)),
        (header(family=0x21, variable=v6("2001:db8::1")), ProxyHeader("2001:db8::1", 4711)),
        (header(family=0x21, variable=v6("::ffff:203.0.113.9")), ProxyHeader("203.0.113.9", 4711)),
        (header(0x20, 0x00), ProxyHeader()),
        (header(0x20, 0x00, b"ignored"), ProxyHeader()),
    ],
)
def test_headers(parts, expected):
    fixed, variable = parts
    assert parse_fixed(fixed) == len(variable)
    assert parse_variable(fixed, variable) == expected


@pytest.mark.parametrize(
    "parts",
    [
        (b"PROXY TCP4 1.2.3", b""),
        (SIGNATURE, b""),
        header(0x11, 0x11, V4),
        header(0x22, 0x11, V4),
        header(0x21, 0x12, V4),
        header(0x21, 0x31, V4),
        header(0x21, 0x11, V4[:-1]),
        header(0x21, 0x21, V4),
        header(0x21, 0x11, V4 + b"\x04"),
        header(0x21, 0x11, V4 + b"\x04\x00\x03ab"),
        (header(variable=V4)[0], V4[:-1]),
        (SIGNATURE + b"\x21\x11\x10\x01", b""),
    ],
)
def test_headers_in_doubt(parts):
    with pytest.raises(MalformedMessage):
        parse_variable(*parts)


@given(st.binary(max_size=20), st.binary(max_size=60))
def test_any_bytes_give_a_header_or_a_refusal(fixed, variable):
    for start in (fixed, SIGNATURE + fixed[:2] + struct.pack(">H", len(variable))):
        try:
            parse_variable(start, variable)
        except MalformedMessage:
            continue
