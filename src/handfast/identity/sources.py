"""Where a request comes from, as counters and device rules see it: the network one party is likely to hold."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

MAX_REMEMBERED = 8192
"""Sources whose reading is kept: one sign-in asks for the same address and its network some ten times."""


@lru_cache(MAX_REMEMBERED)
def parse_source(source: str) -> IPv4Address | IPv6Address | None:
    """The address, IPv4 also where it came mapped into IPv6 (RFC 4291 2.5.5.2); None where it is none."""
    try:
        address = ip_address(source)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def counted_source(source: str) -> str:
    """What failures are counted for: an IPv4 address, or an IPv6 /64, because one client owns a whole /64."""
    return _network(source, ipv4_prefix=32)


def home_network(source: str) -> str:
    """The network a device is at: an IPv4 /24 or IPv6 /64."""
    return _network(source, ipv4_prefix=24)


def family(source: str) -> int:
    """4 or 6, or 0 where the source is no address."""
    address = parse_source(source)
    return 0 if address is None else address.version


@lru_cache(MAX_REMEMBERED)
def _network(source: str, *, ipv4_prefix: int) -> str:
    address = parse_source(source)
    if address is None:
        return "unknown"
    if address.version == 4:
        return str(address) if ipv4_prefix == 32 else str(ip_network((address, ipv4_prefix), strict=False))
    # A zone index ("%eth0") is local to one machine and no part of the network.
    return str(ip_network((int(address) >> 64 << 64, 64)))
