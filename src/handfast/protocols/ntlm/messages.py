"""The three NTLM messages as values, and their parsers.

Observed: curl starts the payload of its AUTHENTICATE message at 64 (neither version nor MIC), pidgin-sipe at 72 (a
version, no MIC), Chromium, Windows and pyspnego at 88 (both, though either may be all zero). So whether the version
and the MIC are there is told by where the payload begins, not by flags alone.

Source: MS-NLMP 2.2.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from handfast.protocols.ntlm.fields import (
    decode_name,
    malformed,
    message_type,
    read_field,
    require_message,
)
from handfast.protocols.ntlm.flags import NegotiateFlags

__all__ = [
    "AuthenticateMessage",
    "ChallengeMessage",
    "NegotiateMessage",
    "message_type",
    "parse_authenticate",
    "parse_challenge",
    "parse_negotiate",
]

VERSION_AT = 64
MIC_AT = 72
MIC_END = 88

_CHARSETS = NegotiateFlags.UNICODE | NegotiateFlags.OEM


@dataclass(frozen=True, slots=True)
class NegotiateMessage:
    """Type 1, the client's opening. Its names are hints in an unknown code page and decide nothing.

    `version` is eight bytes, or b"" where the message has none.
    """

    flags: NegotiateFlags
    domain: str = ""
    workstation: str = ""
    version: bytes = b""


@dataclass(frozen=True, slots=True)
class ChallengeMessage:
    """Type 2, ours. `server_challenge` is eight bytes, `target_info` an encoded list of AV pairs."""

    flags: NegotiateFlags
    server_challenge: bytes
    target_name: str = ""
    target_info: bytes = b""
    version: bytes = b""


@dataclass(frozen=True, slots=True)
class AuthenticateMessage:
    """Type 3, the client's proof. Names are as sent, since the proof covers them so.

    `mic` is 16 bytes, or b"" where the payload leaves no room for one. That the bytes are there does not mean they
    count: only AV pair 6 inside `nt_response` says whether the client computed them.
    """

    flags: NegotiateFlags
    user: str
    domain: str
    workstation: str = ""
    nt_response: bytes = field(default=b"", repr=False)
    lm_response: bytes = field(default=b"", repr=False)
    encrypted_session_key: bytes = field(default=b"", repr=False)
    version: bytes = b""
    mic: bytes = field(default=b"", repr=False)


def parse_negotiate(data: bytes) -> NegotiateMessage:
    """A type 1 message; the shortest real ones end after their flags.

    Raises: MalformedMessage (also where neither Unicode nor OEM is offered, as MS-NLMP 3.2.5.1.1 demands).
    """
    require_message(data, 1, "NEGOTIATE_MESSAGE", 16, "2.2.1.1")
    flags = NegotiateFlags(int.from_bytes(data[12:16], "little"))
    if not flags & _CHARSETS:
        raise malformed("NegotiateFlags", "neither Unicode nor OEM is offered", "3.2.5.1.1")
    domain = workstation = ""
    if NegotiateFlags.OEM_DOMAIN_SUPPLIED in flags:
        domain = _read_hint(data, 16, "DomainName")
    if NegotiateFlags.OEM_WORKSTATION_SUPPLIED in flags:
        workstation = _read_hint(data, 24, "Workstation")
    has_version = NegotiateFlags.VERSION in flags and len(data) >= 40
    return NegotiateMessage(flags, domain, workstation, data[32:40] if has_version else b"")


def _read_hint(data: bytes, at: int, name: str) -> str:
    if len(data) < 32:
        raise malformed(name, "is announced, but the message ends before it", "2.2.1.1")
    return decode_name(read_field(data, at, name, 32)[0], name, is_unicode=False)


def parse_challenge(data: bytes) -> ChallengeMessage:
    """A type 2 message, for clients in tests and the lab. Raises: MalformedMessage."""
    require_message(data, 2, "CHALLENGE_MESSAGE", 48, "2.2.1.2")
    flags = NegotiateFlags(int.from_bytes(data[20:24], "little"))
    raw_name, name_at = read_field(data, 12, "TargetName", 48)
    target_info, info_at = read_field(data, 40, "TargetInfo", 48)
    first = min((at for at in (name_at, info_at) if at is not None), default=len(data))
    has_version = NegotiateFlags.VERSION in flags and first >= 56
    target_name = decode_name(raw_name, "TargetName", is_unicode=NegotiateFlags.UNICODE in flags)
    return ChallengeMessage(flags, data[24:32], target_name, target_info, data[48:56] if has_version else b"")


_AUTHENTICATE_FIELDS = (
    (12, "LmChallengeResponse"),
    (20, "NtChallengeResponse"),
    (28, "DomainName"),
    (36, "UserName"),
    (44, "Workstation"),
    (52, "EncryptedRandomSessionKey"),
)


def parse_authenticate(data: bytes) -> AuthenticateMessage:
    """A type 3 message. Its names are Unicode where the flags say so, also when they say OEM as well.

    Raises: MalformedMessage.
    """
    require_message(data, 3, "AUTHENTICATE_MESSAGE", 64, "2.2.1.3")
    (flag_bits,) = struct.unpack_from("<I", data, 60)
    flags = NegotiateFlags(flag_bits)
    is_unicode = NegotiateFlags.UNICODE in flags
    fields = [read_field(data, at, name, VERSION_AT) for at, name in _AUTHENTICATE_FIELDS]
    lm_response, nt_response, domain, user, workstation, session_key = (raw for raw, _ in fields)
    payload_at = min((at for _, at in fields if at is not None), default=len(data))
    return AuthenticateMessage(
        flags=flags,
        user=decode_name(user, "UserName", is_unicode=is_unicode),
        domain=decode_name(domain, "DomainName", is_unicode=is_unicode),
        workstation=decode_name(workstation, "Workstation", is_unicode=is_unicode),
        nt_response=nt_response,
        lm_response=lm_response,
        encrypted_session_key=session_key,
        version=data[VERSION_AT:MIC_AT] if payload_at >= MIC_AT else b"",
        mic=data[MIC_AT:MIC_END] if payload_at >= MIC_END else b"",
    )
