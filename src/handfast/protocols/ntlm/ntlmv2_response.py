"""The NTLMv2 response: the proof, and the structure "temp" that it covers.

Wire: NTProofStr (16), then temp: 1, 1, six zero bytes, FILETIME (8), client challenge (8), four zero bytes, AV pairs,
and as a rule four more zero bytes. Because the proof covers all of temp, its AV pairs can be believed once the proof
is right, and can be neither stripped nor changed on the way.

Source: MS-NLMP 2.2.2.7, 2.2.2.8, 3.3.2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from handfast.protocols.ntlm.av_pairs import AvFlags, AvId, encode_av_pairs, parse_av_pairs
from handfast.protocols.ntlm.fields import decode_name, malformed

PROOF_BYTES = 16
_TEMP_FIXED_BYTES = 28
V1_RESPONSE_BYTES = 24
"""The length of every NTLMv1 and NTLM2-session response."""


@dataclass(frozen=True, slots=True)
class NtlmV2Response:
    """An NTLMv2 response taken apart. `timestamp` is a FILETIME; nothing in it is proven before the proof is checked."""

    proof: bytes = field(repr=False)
    temp: bytes = field(repr=False)
    timestamp: int
    client_challenge: bytes
    av_pairs: Mapping[int, bytes]

    @property
    def av_flags(self) -> AvFlags:
        """AV pair 6; no bit set where the pair is absent."""
        return AvFlags(int.from_bytes(self.av_pairs.get(AvId.FLAGS, b""), "little"))

    @property
    def has_mic(self) -> bool:
        """Whether the client says that it computed the MIC of the message around this response."""
        return AvFlags.MIC_PRESENT in self.av_flags

    @property
    def channel_bindings(self) -> bytes:
        """AV pair 10: 16 bytes, or b"" where the client bound nothing (the pair is absent or all zero)."""
        value = self.av_pairs.get(AvId.CHANNEL_BINDINGS, b"")
        return value if any(value) else b""

    @property
    def target_name(self) -> str:
        """AV pair 9, the SPN the client asked for, or "". Raises: MalformedMessage."""
        return decode_name(self.av_pairs.get(AvId.TARGET_NAME, b""), "MsvAvTargetName", is_unicode=True)

    @property
    def timestamps(self) -> tuple[int, ...]:
        """Every time the response carries: that of temp, and that of AV pair 7 where it has one."""
        pair = self.av_pairs.get(AvId.TIMESTAMP)
        return (self.timestamp,) if pair is None else (self.timestamp, int.from_bytes(pair, "little"))


def parse_ntlmv2_response(nt_response: bytes) -> NtlmV2Response:
    """An NTLMv2 response from `AuthenticateMessage.nt_response`.

    Raises: MalformedMessage (too short, another version, broken AV pairs, no target info at all).
    """
    temp = nt_response[PROOF_BYTES:]
    if len(temp) < _TEMP_FIXED_BYTES:
        raise malformed("NTLMv2_RESPONSE", f"{len(nt_response)} bytes are too few", "2.2.2.8")
    if temp[:2] != b"\x01\x01":
        raise malformed("NTLMv2_CLIENT_CHALLENGE", "RespType and HiRespType are not 1", "2.2.2.7")
    av_pairs = parse_av_pairs(temp[_TEMP_FIXED_BYTES:])
    if not av_pairs:
        raise malformed("NTLMv2_CLIENT_CHALLENGE", "there is no target information", "3.3.2")
    (timestamp,) = struct.unpack_from("<Q", temp, 8)
    response = NtlmV2Response(nt_response[:PROOF_BYTES], temp, timestamp, temp[16:24], av_pairs)
    decode_name(av_pairs.get(AvId.TARGET_NAME, b""), "MsvAvTargetName", is_unicode=True)
    return response


def encode_temp(timestamp: int, client_challenge: bytes, av_pairs: Mapping[int, bytes]) -> bytes:
    """The structure temp as a client builds it; `timestamp` is a FILETIME, `client_challenge` eight bytes."""
    head = b"\x01\x01" + bytes(6) + struct.pack("<Q", timestamp) + client_challenge + bytes(4)
    return head + encode_av_pairs(av_pairs) + bytes(4)
