"""Values of directory attributes, as the bytes LDAP carries them: numbers, times, SIDs, names.

A time is a FILETIME: 100 ns units since 1601, UTC. A duration is the same, negative. Source: MS-ADTS 2.2.18, 3.1.1.2.2.2.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from handfast.protocols.errors import MalformedMessage

PROTOCOL = "ldap"
BEGINNING = datetime(1601, 1, 1, tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
MAX_TEXT_BYTES = 4096
"""A name has at most 1,024 characters (userPrincipalName, the longest of those we read); a distinguished name is none of those."""

MAX_WINDOW = timedelta(days=36_500)
"""Later than anybody looks, and still a date when added to today's."""

_NUMBER = re.compile(rb"-?[0-9]{1,19}")
_NEVER = 0x7FFF_FFFF_FFFF_FFFF
_UNITS_TO_FOREVER = (FOREVER - BEGINNING) // timedelta(microseconds=1) * 10
_GENERALIZED = re.compile(rb"([0-9]{14})(?:[.,][0-9]{1,6})?Z")
_MAX_SUBAUTHORITIES = 15
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def parse_number(value: bytes, field: str) -> int:
    """A signed 64-bit integer in decimal (LargeInteger, Integer). Raises: MalformedMessage."""
    if _NUMBER.fullmatch(value) is None or not -_NEVER - 1 <= (number := int(value)) <= _NEVER:
        raise MalformedMessage(PROTOCOL, field, "not a 64-bit number", "MS-ADTS 3.1.1.2.2.2")
    return number


def parse_filetime(value: bytes, field: str) -> datetime:
    """The moment; beyond the year 9999 FOREVER. What 0 and the largest number mean differs: ask `is_never` first.

    Raises: MalformedMessage, for a moment before 1601 as well.
    """
    units = parse_number(value, field)
    if units < 0:
        raise MalformedMessage(PROTOCOL, field, "a time before 1601", "MS-DTYP 2.3.3")
    return BEGINNING + timedelta(microseconds=units // 10) if units < _UNITS_TO_FOREVER else FOREVER


def is_never(value: bytes) -> bool:
    """Whether a time is one of the two that stand for none: 0 and the largest number (MS-ADA1 2.3, accountExpires)."""
    return value in (b"0", b"%d" % _NEVER)


def parse_duration(value: bytes, field: str) -> timedelta | None:
    """A duration, kept as a negative number; None for 0 and the smallest number, which mean "no end".

    Raises: MalformedMessage.
    """
    units = parse_number(value, field)
    if units > 0:
        raise MalformedMessage(PROTOCOL, field, "a duration is not positive", "MS-ADTS 3.1.1.2.2.2")
    return None if units in (0, -_NEVER - 1) else timedelta(microseconds=-units // 10)


def parse_window(value: bytes, field: str) -> timedelta:
    """How long failures are counted together: nothing for 0; without end, or all but, `MAX_WINDOW`. Raises: MalformedMessage."""
    window = parse_duration(value, field)
    if window is None:
        return timedelta(0) if int(value) == 0 else MAX_WINDOW
    return min(window, MAX_WINDOW)


def parse_generalized_time(value: bytes, field: str) -> datetime:
    """`20261121034103.0Z`, to the second. Raises: MalformedMessage. Source: RFC 4517 3.3.13, MS-ADTS 3.1.1.3.2.4."""
    found = _GENERALIZED.fullmatch(value)
    try:
        return datetime.strptime(found[1].decode("ascii") if found else "", "%Y%m%d%H%M%S").replace(
            tzinfo=UTC
        )
    except ValueError:
        raise MalformedMessage(PROTOCOL, field, "not a time in UTC", "RFC 4517 3.3.13") from None


def parse_sid(value: bytes, field: str = "objectSid") -> str:
    """`S-1-5-21-...` of its 8 to 68 bytes. Raises: MalformedMessage. Source: MS-DTYP 2.4.2.2."""
    count = value[1] if len(value) > 1 else 0
    if len(value) < 8 or value[0] != 1 or count > _MAX_SUBAUTHORITIES or len(value) != 8 + 4 * count:
        raise MalformedMessage(PROTOCOL, field, "not a security identifier", "MS-DTYP 2.4.2.2")
    parts = [int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4)]
    return "-".join(map(str, ("S-1", int.from_bytes(value[2:8], "big"), *parts)))


def parse_guid(value: bytes, field: str) -> str:
    """A GUID's usual text of its 16 bytes. Raises: MalformedMessage. Source: MS-DTYP 2.3.4.2."""
    if len(value) != 16:
        raise MalformedMessage(PROTOCOL, field, "not 16 bytes", "MS-DTYP 2.3.4.2")
    first, second, third = value[3::-1].hex(), value[5:3:-1].hex(), value[7:5:-1].hex()
    return f"{first}-{second}-{third}-{value[8:10].hex()}-{value[10:].hex()}"


def parse_text(value: bytes, field: str) -> str:
    """A name: UTF-8 without control characters. Raises: MalformedMessage."""
    if len(value) > MAX_TEXT_BYTES:
        raise MalformedMessage(PROTOCOL, field, f"more than {MAX_TEXT_BYTES} bytes")
    text = parse_dn(value, field)
    if _CONTROL.search(text):
        raise MalformedMessage(PROTOCOL, field, "control characters in a name")
    return text


def parse_dn(value: bytes, field: str) -> str:
    """A distinguished name: UTF-8 of any length. Raises: MalformedMessage."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessage(PROTOCOL, field, "not UTF-8", "RFC 4517 3.3.6") from None
