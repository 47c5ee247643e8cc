"""Is this AUTHENTICATE message good? First by form, before any account is looked up, then by proof.

The order within `verify_proof` is part of the protocol's safety: AV pairs are looked at only after the proof that
covers them is right, and every hash is tried whichever fits, so that time tells nothing of where a hit was.

Source: MS-NLMP 3.2.5.1.2, 3.3.2.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.meanings import MeaningEnum
from handfast.protocols.ntlm.av_pairs import AvFlags
from handfast.protocols.ntlm.filetime import filetime_from_datetime, ticks_from_timedelta
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.hashes import (
    MIC_BYTES,
    exchanged_session_key,
    hmac_md5,
    identities,
    message_integrity_code,
    session_base_key,
)
from handfast.protocols.ntlm.messages import MIC_AT, MIC_END, AuthenticateMessage
from handfast.protocols.ntlm.ntlmv2_response import V1_RESPONSE_BYTES, NtlmV2Response, parse_ntlmv2_response
from handfast.protocols.ntlm.target_name import is_acceptable_target
from handfast.protocols.ntlm.upcase import upcase


class NtlmRefusal(MeaningEnum):
    """Why an AUTHENTICATE message is refused. A wrong password is none of these: then no hash matched."""

    MALFORMED = "malformed", "the NTLMv2 response can't be read, or has no target information"
    VERSION = "version", "NTLMv1, NTLM2-session or LM; only NTLMv2 is taken"
    ANONYMOUS = "anonymous", "an anonymous or guest sign-in"
    MIC = "mic", "the message integrity code is wrong, or missing where it was promised or is required"
    TIMESTAMP = "timestamp", "the client's time is too far from ours"
    BINDING_MISSING = "binding-missing", "a channel binding is required and the client sent none"
    BINDING_WRONG = "binding-wrong", "the channel binding names another TLS endpoint"
    SPN = "spn", "the client meant to sign in to another service"


@dataclass(frozen=True, slots=True)
class NtlmExpectation:
    """What the message is held against: our challenge, both earlier messages as bytes, and the listener's policy.

    `channel_binding` is 16 bytes, or b"" on a listener without TLS (then a client's own binding counts as wrong,
    unless `binding_mode` is "off": somebody else ended its TLS). `spn_hosts` are the published host names, in any
    case. `require_mic` refuses old clients that compute no MIC.
    """

    server_challenge: bytes
    negotiate_message: bytes = field(repr=False)
    challenge_message: bytes = field(repr=False)
    now: datetime
    channel_binding: bytes
    binding_mode: Literal["off", "allow", "require"]
    spn_hosts: frozenset[str]
    require_mic: bool
    max_skew: timedelta = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class NtlmProofResult:
    """`index` of the NT hash that fits, or None. With a `refusal` the sign-in fails even where a hash fits."""

    index: int | None
    refusal: NtlmRefusal | None = None

    @property
    def is_accepted(self) -> bool:
        """True where a hash fits and nothing else speaks against it."""
        return self.index is not None and self.refusal is None


def check_form(message: AuthenticateMessage) -> NtlmRefusal | None:
    """What can be refused without knowing the account; None where the message is a readable NTLMv2 one."""
    response = _read_response(message)
    return response if isinstance(response, NtlmRefusal) else None


def _read_response(message: AuthenticateMessage) -> NtlmV2Response | NtlmRefusal:
    if _is_anonymous(message):
        return NtlmRefusal.ANONYMOUS
    if len(message.nt_response) <= V1_RESPONSE_BYTES:
        return NtlmRefusal.VERSION
    try:
        return parse_ntlmv2_response(message.nt_response)
    except MalformedMessage:
        return NtlmRefusal.MALFORMED


def _is_anonymous(message: AuthenticateMessage) -> bool:
    return NegotiateFlags.ANONYMOUS in message.flags or not message.user or upcase(message.user) == "GUEST"


def verify_proof(
    message: AuthenticateMessage, raw: bytes, expectation: NtlmExpectation, nt_hashes: Sequence[bytes]
) -> NtlmProofResult:
    """Tries every one of `nt_hashes` (16 bytes each); on a match also MIC, channel binding, target name and time.

    `raw` is the message's own bytes, `message` what `parse_authenticate` made of them. The caller pads `nt_hashes` to
    a constant number and has made sure that the challenge is fresh and this connection's.
    """
    response = _read_response(message)
    if isinstance(response, NtlmRefusal):
        return NtlmProofResult(None, response)
    index, key = _find_matching(message, response, expectation.server_challenge, nt_hashes)
    if index is None:
        return NtlmProofResult(None)
    return NtlmProofResult(index, _check_proven(message, raw, response, expectation, key))


def _find_matching(
    message: AuthenticateMessage,
    response: NtlmV2Response,
    server_challenge: bytes,
    nt_hashes: Sequence[bytes],
) -> tuple[int | None, bytes]:
    """The first hash whose proof is the message's, and its response key; never leaves early."""
    challenged = server_challenge + response.temp
    found, found_key = None, b""
    is_unicode = NegotiateFlags.UNICODE in message.flags
    for identity in identities(message.user, message.domain, is_unicode=is_unicode):
        for index, nt_hash in enumerate(nt_hashes):
            key = hmac_md5(nt_hash, identity)
            is_match = hmac.compare_digest(hmac_md5(key, challenged), response.proof)
            if is_match and found is None:
                found, found_key = index, key
    return found, found_key


def _check_proven(
    message: AuthenticateMessage,
    raw: bytes,
    response: NtlmV2Response,
    expectation: NtlmExpectation,
    key: bytes,
) -> NtlmRefusal | None:
    """The checks on what the proof covers; the first that fails is told."""
    if not _is_mic_good(message, raw, response, expectation, key):
        return NtlmRefusal.MIC
    refusal = _check_binding(response, expectation)
    if refusal is not None:
        return refusal
    if not _is_target_ours(response, expectation):
        return NtlmRefusal.SPN
    return None if _is_time_near(response, expectation) else NtlmRefusal.TIMESTAMP


def _is_mic_good(
    message: AuthenticateMessage,
    raw: bytes,
    response: NtlmV2Response,
    expectation: NtlmExpectation,
    key: bytes,
) -> bool:
    """Without AV flag 0x2 there is no MIC to check; the flag is under the proof, so nobody can have stripped it."""
    if not response.has_mic:
        return not expectation.require_mic
    zeroed = raw[:MIC_AT] + bytes(MIC_BYTES) + raw[MIC_END:]
    earlier = (expectation.negotiate_message, expectation.challenge_message)
    return any(
        hmac.compare_digest(message_integrity_code(session_key, *earlier, zeroed), message.mic)
        for session_key in _session_keys(message, session_base_key(key, response.proof))
    )


def _session_keys(message: AuthenticateMessage, base_key: bytes) -> Iterator[bytes]:
    """The keys a client may have used for its MIC, by the key exchange it announces.

    MS-NLMP 3.2.5.1.2 sends a fresh key only where KEY_EXCH comes with SIGN or SEAL. Clients part over KEY_EXCH alone
    (pyspnego keeps the base key, gss-ntlmssp sends a fresh one), so then both count; neither is known outside. A key of
    another length than 16 bytes never counts: emptied on the way, it would let anybody compute the MIC anew.
    """
    flags = message.flags
    is_exchanged = NegotiateFlags.KEY_EXCH in flags
    if not is_exchanged or not flags & (NegotiateFlags.SIGN | NegotiateFlags.SEAL):
        yield base_key
    if is_exchanged and len(message.encrypted_session_key) == len(base_key):
        yield exchanged_session_key(base_key, message.encrypted_session_key)


def _is_time_near(response: NtlmV2Response, expectation: NtlmExpectation) -> bool:
    now = filetime_from_datetime(expectation.now)
    skew = ticks_from_timedelta(expectation.max_skew)
    return all(abs(stamp - now) <= skew for stamp in response.timestamps)


def _check_binding(response: NtlmV2Response, expectation: NtlmExpectation) -> NtlmRefusal | None:
    if expectation.binding_mode == "off":
        return None
    if not response.channel_bindings:
        return NtlmRefusal.BINDING_MISSING if expectation.binding_mode == "require" else None
    is_same = hmac.compare_digest(response.channel_bindings, expectation.channel_binding)
    return None if is_same else NtlmRefusal.BINDING_WRONG


def _is_target_ours(response: NtlmV2Response, expectation: NtlmExpectation) -> bool:
    """A name the client itself calls untrusted (it had it from a link, say) is no statement of intent."""
    if AvFlags.UNTRUSTED_SPN in response.av_flags:
        return True
    return is_acceptable_target(response.target_name, expectation.spn_hosts)
