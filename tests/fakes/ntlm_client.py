"""A scripted NTLM client whose every choice can be turned: what it binds, promises, signs and how old it is.

It shares our encoders and hashes, hence serves to try policies; that those are right is shown by published vectors and
by clients nobody here wrote (tests/unit/protocols/ntlm/test_real_clients.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from handfast.protocols.ntlm.av_pairs import AvFlags, AvId, parse_av_pairs
from handfast.protocols.ntlm.encoding import encode_authenticate, encode_negotiate
from handfast.protocols.ntlm.filetime import filetime_from_datetime
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.hashes import (
    exchanged_session_key,
    message_integrity_code,
    nt_hash,
    nt_proof,
    ntowf_v2,
    session_base_key,
)
from handfast.protocols.ntlm.messages import AuthenticateMessage, NegotiateMessage, parse_challenge
from handfast.protocols.ntlm.ntlmv2_response import encode_temp

MODERN_FLAGS = NegotiateFlags(0xE2088297)
"""Windows 10: Unicode, OEM, target, sign, LM key, NTLM, always sign, extended security, version, 128, exchange, 56."""

NO_FLAGS = AvFlags(0)


@dataclass(frozen=True)
class NtlmClient:
    """One sign-in to be. `channel_binding` None leaves the pair out; `now` is the client's own clock.

    `key_exchange` is "fresh" (a new key under RC4), "base" (KEY_EXCH alone announced, the base key used), "none" (no
    KEY_EXCH) or "broken" (KEY_EXCH and SIGN announced, the base key used all the same).
    """

    user: str
    domain: str
    password: str
    now: datetime = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    flags: NegotiateFlags = MODERN_FLAGS
    channel_binding: bytes | None = None
    target_name: str = ""
    av_flags: AvFlags = NO_FLAGS
    sends_mic: bool = True
    promises_mic: bool = True
    echoes_target_info: bool = True
    key_exchange: str = "fresh"
    workstation: str = "PHONE"

    def negotiate(self) -> bytes:
        return encode_negotiate(NegotiateMessage(self.flags, version=bytes((10, 0, 0x61, 0x58, 0, 0, 0, 15))))

    def authenticate(self, challenge: bytes) -> bytes:
        parsed = parse_challenge(challenge)
        key = ntowf_v2(nt_hash(self.password), self.user, self.domain)
        temp = encode_temp(filetime_from_datetime(self.now), b"\xaa" * 8, self._av_pairs(parsed.target_info))
        proof = nt_proof(key, parsed.server_challenge, temp)
        base_key = session_base_key(key, proof)
        session_key, encrypted, flags = self._exchange(base_key, parsed.flags)
        message = AuthenticateMessage(
            flags=flags,
            user=self.user,
            domain=self.domain,
            workstation=self.workstation,
            nt_response=proof + temp,
            lm_response=bytes(24),
            encrypted_session_key=encrypted,
            version=bytes((10, 0, 0x61, 0x58, 0, 0, 0, 15)),
            mic=bytes(16) if self.sends_mic else b"",
        )
        unsigned = encode_authenticate(message)
        if not self.sends_mic:
            return unsigned
        mic = message_integrity_code(session_key, self.negotiate(), challenge, unsigned)
        return encode_authenticate(replace(message, mic=mic))

    def _av_pairs(self, target_info: bytes) -> dict[int, bytes]:
        pairs = parse_av_pairs(target_info) if self.echoes_target_info else {}
        av_flags = self.av_flags | (AvFlags.MIC_PRESENT if self.promises_mic else NO_FLAGS)
        if av_flags:
            pairs[AvId.FLAGS] = int(av_flags).to_bytes(4, "little")
        if self.channel_binding is not None:
            pairs[AvId.CHANNEL_BINDINGS] = self.channel_binding
        if self.target_name:
            pairs[AvId.TARGET_NAME] = self.target_name.encode("utf-16-le")
        return pairs

    def _exchange(self, base_key: bytes, agreed: NegotiateFlags) -> tuple[bytes, bytes, NegotiateFlags]:
        signing = NegotiateFlags.SIGN | NegotiateFlags.SEAL
        match self.key_exchange:
            case "fresh":
                fresh = b"\x55" * 16
                return fresh, exchanged_session_key(base_key, fresh), agreed | NegotiateFlags.KEY_EXCH
            case "broken":
                return base_key, b"\x00", agreed | NegotiateFlags.KEY_EXCH | signing
            case "base":
                return base_key, b"\x00", (agreed | NegotiateFlags.KEY_EXCH) & ~signing
            case _:
                return base_key, b"", agreed & ~NegotiateFlags.KEY_EXCH
