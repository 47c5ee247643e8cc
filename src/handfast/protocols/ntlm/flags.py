"""The negotiation flags of NTLM, by the names the specification gives them."""

from __future__ import annotations

from enum import IntFlag
from functools import lru_cache
from typing import Any

MAX_REMEMBERED = 1024
"""Combinations of flags kept for the next message; real clients send a few dozen."""


class NegotiateFlags(IntFlag):
    """What a message offers or what was agreed; 32 bits, little-endian on the wire. Source: MS-NLMP 2.2.2.5."""

    UNICODE = 0x00000001
    OEM = 0x00000002
    REQUEST_TARGET = 0x00000004
    SIGN = 0x00000010
    SEAL = 0x00000020
    DATAGRAM = 0x00000040
    LM_KEY = 0x00000080
    NTLM = 0x00000200
    ANONYMOUS = 0x00000800
    OEM_DOMAIN_SUPPLIED = 0x00001000
    OEM_WORKSTATION_SUPPLIED = 0x00002000
    ALWAYS_SIGN = 0x00008000
    TARGET_TYPE_DOMAIN = 0x00010000
    TARGET_TYPE_SERVER = 0x00020000
    EXTENDED_SESSIONSECURITY = 0x00080000
    IDENTIFY = 0x00100000
    REQUEST_NON_NT_SESSION_KEY = 0x00400000
    TARGET_INFO = 0x00800000
    VERSION = 0x02000000
    KEY_128 = 0x20000000
    KEY_EXCH = 0x40000000
    KEY_56 = 0x80000000

    @classmethod
    def _missing_(cls, value: object) -> Any:
        """A combination no one has sent yet. `enum` keeps each for ever, and clients choose them: 2^32 of them."""
        member = super()._missing_(value)
        if len(cls._value2member_map_) > MAX_REMEMBERED:
            cls._value2member_map_.pop(value, None)
        return member

    @property
    def labels(self) -> tuple[str, ...]:
        """The specification's names of the flags that are set, lowest bit first, for dumps."""
        return tuple(_LABELS[flag] for flag in NegotiateFlags if flag in self)


_UNPREFIXED = frozenset(
    {"REQUEST_TARGET", "TARGET_TYPE_DOMAIN", "TARGET_TYPE_SERVER", "REQUEST_NON_NT_SESSION_KEY"}
)


def _label(name: str) -> str:
    if name in _UNPREFIXED:
        return f"NTLMSSP_{name}"
    return f"NTLMSSP_NEGOTIATE_{name.replace('KEY_128', '128').replace('KEY_56', '56')}"


_LABELS = {flag: _label(flag.name or "") for flag in NegotiateFlags}

SUPPORTED = (
    NegotiateFlags.UNICODE
    | NegotiateFlags.OEM
    | NegotiateFlags.REQUEST_TARGET
    | NegotiateFlags.SIGN
    | NegotiateFlags.SEAL
    | NegotiateFlags.NTLM
    | NegotiateFlags.ALWAYS_SIGN
    | NegotiateFlags.EXTENDED_SESSIONSECURITY
    | NegotiateFlags.VERSION
    | NegotiateFlags.KEY_128
    | NegotiateFlags.KEY_EXCH
    | NegotiateFlags.KEY_56
)
"""What we agree to when the client offers it. LM_KEY, DATAGRAM and IDENTIFY are never agreed to."""


@lru_cache(256)
def negotiate_down(client_flags: NegotiateFlags) -> NegotiateFlags:
    """The flags of our challenge: what the client offered and we support, one charset, and always target info.

    TARGET_INFO is set unasked: without it a client falls back to NTLMv1, which is refused.
    Source: MS-NLMP 3.2.5.1.1.
    """
    agreed = (client_flags & SUPPORTED) | NegotiateFlags.NTLM | NegotiateFlags.TARGET_INFO
    if NegotiateFlags.UNICODE in agreed:
        agreed &= ~NegotiateFlags.OEM
    if NegotiateFlags.REQUEST_TARGET in agreed:
        agreed |= NegotiateFlags.TARGET_TYPE_DOMAIN
    return agreed
