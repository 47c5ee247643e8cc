"""Whose ticket it is, by its PAC: the account's SID, which stays, where a ticket's name is whatever the KDC was asked for.

The logon information is one structure in the type serialization of MS-RPCE 2.2.6, little-endian: a header, the fixed part of
KERB_VALIDATION_INFO, and then, in their order, the things that its pointers lead to. What stands before the domain's SID
is stepped over, what comes after it (further groups) is left alone.

Source: MS-PAC 2.5; MS-RPCE 2.2.6; C706 (DCE 1.1: RPC) 14.3.
"""

from __future__ import annotations

import struct

from handfast.protocols.errors import MalformedMessage

MAX_BYTES = 64 * 1024
"""Windows takes no tickets above 48,000 bytes, and 1,015 groups and their names need a third of this."""

_HEADER = struct.Struct("<BBH4xI4xI")
_HEADERS_BYTES = 16
"""Of the two headers; the pointer to the structure is the first thing within it."""
_VERSION, _LITTLE_ENDIAN, _HEADER_BYTES = 1, 0x10, 8
_FIXED = struct.Struct("<48x 4xI4xI4xI4xI4xI4xI 4xI4x II 20x 4xI4xI I 60x")
"""Six times, six strings, counts, UserId, the groups, two strings and LogonDomainId. Of a string: two lengths, the pointer."""
_STRING = struct.Struct("<III")
_COUNT = struct.Struct("<I")
_SID = struct.Struct("<IBB6s")
_GROUP_BYTES = 8
_MAX_DOMAIN_SUBAUTHORITIES = 14
"""A SID has 15 at most, and the account's own number comes last."""


def parse_logon_sid(data: bytes) -> str:
    """`S-1-5-21-...`, the SID of the account that a PAC_LOGON_INFO buffer is about. Raises: MalformedMessage."""
    reader = _Reader(_content(data))
    *names, user_id, group_count, groups, server, domain, domain_id = reader.unpack(_FIXED)
    if not user_id or not domain_id:
        raise _malformed("UserId", "the account has no number in its domain")
    for pointer in names:
        reader.skip_string(pointer)
    reader.skip_groups(groups, group_count)
    for pointer in (server, domain):
        reader.skip_string(pointer)
    return f"{reader.sid()}-{user_id}"


def _content(data: bytes) -> bytes:
    """What the headers are about, from the structure on."""
    if not _HEADER.size <= len(data) <= MAX_BYTES:
        raise _malformed("logon information", f"{len(data)} bytes")
    version, order, header_bytes, length, pointer = _HEADER.unpack_from(data)
    if (version, order, header_bytes) != (_VERSION, _LITTLE_ENDIAN, _HEADER_BYTES) or not pointer:
        raise _malformed("header", "no structure in little-endian type serialization")
    if length > len(data) - _HEADERS_BYTES:
        raise _malformed("header", f"{length} bytes announced, {len(data) - _HEADERS_BYTES} there")
    return data[_HEADER.size : _HEADERS_BYTES + length]


class _Reader:
    """Takes what stands in `data` one after the other. All methods raise MalformedMessage."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack(self._take(layout.size))

    def skip_string(self, pointer: int) -> None:
        """A conformant and varying array of UTF-16 units, filled up to four bytes."""
        if pointer:
            most, offset, count = self.unpack(_STRING)
            if offset + count > most:
                raise _malformed("string", "longer than its own buffer")
            self._take(2 * (count + count % 2))

    def skip_groups(self, pointer: int, count: int) -> None:
        """A conformant array of GROUP_MEMBERSHIP."""
        if pointer:
            if self.unpack(_COUNT) != (count,):
                raise _malformed("GroupIds", "not as many as GroupCount says")
            self._take(_GROUP_BYTES * count)

    def sid(self) -> str:
        """An RPC_SID. Source: MS-DTYP 2.4.2.3."""
        most, revision, count, authority = _SID.unpack(self._take(_SID.size))
        if revision != 1 or count != most or not 1 <= count <= _MAX_DOMAIN_SUBAUTHORITIES:
            raise _malformed("LogonDomainId", "not a domain's security identifier")
        parts = struct.unpack(f"<{count}I", self._take(4 * count))
        return "-".join(map(str, ("S-1", int.from_bytes(authority, "big"), *parts)))

    def _take(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise _malformed("logon information", "it ends early")
        self._at += length
        return self._data[self._at - length : self._at]


def _malformed(field: str, problem: str) -> MalformedMessage:
    return MalformedMessage("pac", field, problem, "MS-PAC 2.5")
