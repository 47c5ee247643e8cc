"""Attribute-value pairs: what a challenge says of the server, and what an NTLMv2 response adds and proves.

Source: MS-NLMP 2.2.2.1.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum, IntFlag

from handfast.protocols.ntlm.fields import malformed

MAX_PAIRS = 32
"""The specification knows eleven ids; each may come once."""


class AvId(IntEnum):
    """Ids of the pairs; text values are UTF-16-LE whatever the flags say."""

    EOL = 0
    NB_COMPUTER_NAME = 1
    NB_DOMAIN_NAME = 2
    DNS_COMPUTER_NAME = 3
    DNS_DOMAIN_NAME = 4
    DNS_TREE_NAME = 5
    FLAGS = 6
    TIMESTAMP = 7
    SINGLE_HOST = 8
    TARGET_NAME = 9
    CHANNEL_BINDINGS = 10

    @property
    def label(self) -> str:
        """The specification's name, for dumps."""
        return _LABELS[self]


_LABELS = {
    AvId.EOL: "MsvAvEOL",
    AvId.NB_COMPUTER_NAME: "MsvAvNbComputerName",
    AvId.NB_DOMAIN_NAME: "MsvAvNbDomainName",
    AvId.DNS_COMPUTER_NAME: "MsvAvDnsComputerName",
    AvId.DNS_DOMAIN_NAME: "MsvAvDnsDomainName",
    AvId.DNS_TREE_NAME: "MsvAvDnsTreeName",
    AvId.FLAGS: "MsvAvFlags",
    AvId.TIMESTAMP: "MsvAvTimestamp",
    AvId.SINGLE_HOST: "MsvAvSingleHost",
    AvId.TARGET_NAME: "MsvAvTargetName",
    AvId.CHANNEL_BINDINGS: "MsvAvChannelBindings",
}


class AvFlags(IntFlag):
    """Bits of `AvId.FLAGS`."""

    CONSTRAINED = 0x1
    MIC_PRESENT = 0x2
    UNTRUSTED_SPN = 0x4


_FIXED_LENGTHS: dict[int, int] = {AvId.FLAGS: 4, AvId.TIMESTAMP: 8, AvId.CHANNEL_BINDINGS: 16}
_EOL = int(AvId.EOL)


def parse_av_pairs(data: bytes) -> dict[int, bytes]:
    """The values by id, in order, up to the end-of-list pair; what follows that is not looked at.

    Unknown ids are kept. An id that comes twice is refused: which of the two counts would be anybody's guess.

    Raises: MalformedMessage.
    """
    pairs: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        av_id, length = struct.unpack_from("<HH", data, at)
        if av_id == _EOL:
            return pairs
        value = data[at + 4 : at + 4 + length]
        _check_pair(pairs, av_id, length, value)
        pairs[av_id] = value
        at += 4 + length
    raise malformed("AV_PAIR", "the list has no end-of-list pair", "2.2.2.1")


def _check_pair(pairs: Mapping[int, bytes], av_id: int, length: int, value: bytes) -> None:
    if len(value) < length:
        raise malformed("AV_PAIR", f"id {av_id}: {length} bytes where {len(value)} are left", "2.2.2.1")
    if av_id in pairs:
        raise malformed("AV_PAIR", f"id {av_id} comes twice")
    if len(pairs) >= MAX_PAIRS:
        raise malformed("AV_PAIR", f"more than {MAX_PAIRS} pairs")
    due = _FIXED_LENGTHS.get(av_id)
    if due is not None and length != due:
        raise malformed("AV_PAIR", f"{AvId(av_id).label} has {length} bytes, not {due}", "2.2.2.1")


def encode_av_pairs(pairs: Mapping[int, bytes]) -> bytes:
    """The list in the mapping's order, closed by the end-of-list pair."""
    body = b"".join(struct.pack("<HH", av_id, len(value)) + value for av_id, value in pairs.items())
    return body + bytes(4)
