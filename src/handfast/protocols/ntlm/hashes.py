"""The one-way functions and keys of NTLMv2.

HMAC is always HMAC-MD5. A handshake computes some thirty of them, and `hmac.digest` looks its algorithm up anew each
time, which costs more than the MD5 itself; so the two passes of the definition stand here.
Source: MS-NLMP 3.3.2, 3.4.5; RFC 2104 2.
"""

from __future__ import annotations

from hashlib import md5

from handfast.protocols.ntlm.md4 import md4
from handfast.protocols.ntlm.rc4 import rc4
from handfast.protocols.ntlm.upcase import upcase, upcase_ascii

MIC_BYTES = 16
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def hmac_md5(key: bytes, message: bytes) -> bytes:
    """HMAC-MD5, 16 bytes; NTLM's keys have 16 as well. Raises: ValueError for a key above 64, which would be hashed."""
    if len(key) > _BLOCK_BYTES:
        raise ValueError(f"a key has at most {_BLOCK_BYTES} bytes here, not {len(key)}")
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    inner = md5(padded.translate(_INNER) + message).digest()  # noqa: S324 - the protocol knows no other
    return md5(padded.translate(_OUTER) + inner).digest()  # noqa: S324 - as above


def nt_hash(password: str) -> bytes:
    """The 16-byte NT hash (NTOWFv1): MD4 of the password in UTF-16-LE. As good as the password to whoever holds it.

    Raises: ValueError (the password holds half of a surrogate pair).
    """
    return md4(password.encode("utf-16-le"))


def ntowf_v2(password_hash: bytes, user: str, domain: str) -> bytes:
    """The key of every NTLMv2 computation: HMAC(NT hash, UPPER(user) + domain). Source: MS-NLMP 3.3.2 NTOWFv2."""
    return hmac_md5(password_hash, (upcase(user) + domain).encode("utf-16-le"))


def identities(user: str, domain: str, *, is_unicode: bool = True) -> tuple[bytes, ...]:
    """What clients may have put under HMAC for UPPER(user) + domain, most faithful first; one for ASCII names.

    Beyond ASCII clients disagree. Some upper-case a-z alone; pyspnego and Java take the full Unicode mapping ("ß" becomes
    "SS"). Observed: curl 7.88 sends names as UTF-8 in "OEM" messages and computes over each byte of them widened to a
    UTF-16 unit. Each is as good a proof: it needs the NT hash all the same.
    """
    if user.isascii() and domain.isascii():
        return ((user.upper() + domain).encode("utf-16-le"),)
    spellings = [upcase(user) + domain, upcase_ascii(user) + domain, user.upper() + domain]
    if not is_unicode:
        spellings.append(upcase_ascii(_widen(user)) + _widen(domain))
    return tuple(spelling.encode("utf-16-le") for spelling in dict.fromkeys(spellings))


def _widen(text: str) -> str:
    return text.encode().decode("iso-8859-1")


def nt_proof(response_key: bytes, server_challenge: bytes, temp: bytes) -> bytes:
    """NTProofStr, 16 bytes: HMAC(response key, server challenge + temp)."""
    return hmac_md5(response_key, server_challenge + temp)


def lm_v2_response(response_key: bytes, server_challenge: bytes, client_challenge: bytes) -> bytes:
    """The LMv2 response, 24 bytes. Clients send it, we never accept it: it binds nothing. For the lab and tests."""
    return hmac_md5(response_key, server_challenge + client_challenge) + client_challenge


def session_base_key(response_key: bytes, proof: bytes) -> bytes:
    """SessionBaseKey, with NTLMv2 also the KeyExchangeKey: HMAC(response key, NTProofStr)."""
    return hmac_md5(response_key, proof)


def exchanged_session_key(key_exchange_key: bytes, encrypted_session_key: bytes) -> bytes:
    """The session key the client drew and sent under RC4; the same call encrypts."""
    return rc4(key_exchange_key, encrypted_session_key)


def message_integrity_code(
    session_key: bytes, negotiate: bytes, challenge: bytes, authenticate: bytes
) -> bytes:
    """The MIC, 16 bytes, over all three messages; `authenticate` with its MIC field zeroed. Source: MS-NLMP 3.1.5.1.2."""
    return hmac_md5(session_key, negotiate + challenge + authenticate)
