"""The three NTLM messages to bytes: ours for the wire, the client's for the lab and for tests.

The order of the payload is the one MS-NLMP 4.2 shows: names first, then responses, then the session key.
Source: MS-NLMP 2.2.1.
"""

from __future__ import annotations

import struct

from handfast.protocols.ntlm.fields import SIGNATURE, PayloadWriter, encode_name
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.messages import AuthenticateMessage, ChallengeMessage, NegotiateMessage

_NO_VERSION = bytes(8)


def _head(kind: int) -> bytes:
    return SIGNATURE + struct.pack("<I", kind)


def _flags(flags: NegotiateFlags) -> bytes:
    return struct.pack("<I", flags)


def encode_negotiate(message: NegotiateMessage) -> bytes:
    """A type 1 message; set the OEM_..._SUPPLIED flags for the names to count."""
    writer = PayloadWriter(32 + len(message.version))
    domain = writer.add(encode_name(message.domain, is_unicode=False))
    workstation = writer.add(encode_name(message.workstation, is_unicode=False))
    return b"".join(
        (_head(1), _flags(message.flags), domain, workstation, message.version, writer.payload),
    )


def encode_challenge_message(message: ChallengeMessage) -> bytes:
    """A type 2 message. The eight version bytes are always there, zero where there is no version, as Windows has it."""
    writer = PayloadWriter(56)
    name = encode_name(message.target_name, is_unicode=NegotiateFlags.UNICODE in message.flags)
    target_name = writer.add(name)
    target_info = writer.add(message.target_info)
    return b"".join(
        (
            _head(2),
            target_name,
            _flags(message.flags),
            message.server_challenge,
            bytes(8),
            target_info,
            message.version or _NO_VERSION,
            writer.payload,
        )
    )


def encode_authenticate(message: AuthenticateMessage) -> bytes:
    """A type 3 message: with a MIC its payload starts at 88, else with a version at 72, else at 64."""
    version = message.version or (_NO_VERSION if message.mic else b"")
    writer = PayloadWriter(64 + len(version) + len(message.mic))
    is_unicode = NegotiateFlags.UNICODE in message.flags
    domain = writer.add(encode_name(message.domain, is_unicode=is_unicode))
    user = writer.add(encode_name(message.user, is_unicode=is_unicode))
    workstation = writer.add(encode_name(message.workstation, is_unicode=is_unicode))
    lm_response = writer.add(message.lm_response)
    nt_response = writer.add(message.nt_response)
    session_key = writer.add(message.encrypted_session_key)
    return b"".join(
        (
            _head(3),
            lm_response,
            nt_response,
            domain,
            user,
            workstation,
            session_key,
            _flags(message.flags),
            version,
            message.mic,
            writer.payload,
        )
    )
