"""The challenge we send: neutral names, and whatever makes a modern client prove the most.

The names tell an attacker nothing of the inside; they are settings. The timestamp is always there, because only then
does a client compute the message integrity code (MS-NLMP 3.1.5.1.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handfast.protocols.ntlm.av_pairs import AvId, encode_av_pairs
from handfast.protocols.ntlm.encoding import encode_challenge_message
from handfast.protocols.ntlm.filetime import filetime_from_datetime
from handfast.protocols.ntlm.flags import NegotiateFlags, negotiate_down
from handfast.protocols.ntlm.messages import ChallengeMessage

CHALLENGE_BYTES = 8

_NEUTRAL_VERSION = bytes((10, 0, 0, 0, 0, 0, 0, 15))
"""10.0, build 0, NTLM revision 15: well-formed, and no product's. Source: MS-NLMP 2.2.2.10."""


@dataclass(frozen=True, slots=True)
class ServerNames:
    """What the challenge calls the server and its domain."""

    netbios_domain: str
    netbios_computer: str
    dns_domain: str
    dns_computer: str


def encode_challenge(
    server_challenge: bytes, names: ServerNames, timestamp: datetime, client_flags: NegotiateFlags
) -> bytes:
    """The CHALLENGE message for a client that offered `client_flags`.

    `server_challenge` is eight unpredictable bytes, `timestamp` aware and the present. AV pairs 2, 1, 4, 3 and 7 are
    always sent, in the order Windows sends them.

    Raises: ValueError (a challenge of another length, or a name too long for its field: our own mistake).
    """
    if len(server_challenge) != CHALLENGE_BYTES:
        raise ValueError(f"a server challenge has {CHALLENGE_BYTES} bytes, not {len(server_challenge)}")
    flags = negotiate_down(client_flags)
    message = ChallengeMessage(
        flags=flags,
        server_challenge=server_challenge,
        target_name=names.netbios_domain if NegotiateFlags.REQUEST_TARGET in flags else "",
        target_info=encode_target_info(names, timestamp),
        version=_NEUTRAL_VERSION if NegotiateFlags.VERSION in flags else b"",
    )
    return encode_challenge_message(message)


def encode_target_info(names: ServerNames, timestamp: datetime) -> bytes:
    """The AV pairs of a challenge."""
    return encode_av_pairs(
        {
            AvId.NB_DOMAIN_NAME: names.netbios_domain.encode("utf-16-le"),
            AvId.NB_COMPUTER_NAME: names.netbios_computer.encode("utf-16-le"),
            AvId.DNS_DOMAIN_NAME: names.dns_domain.encode("utf-16-le"),
            AvId.DNS_COMPUTER_NAME: names.dns_computer.encode("utf-16-le"),
            AvId.TIMESTAMP: filetime_from_datetime(timestamp).to_bytes(8, "little"),
        }
    )
