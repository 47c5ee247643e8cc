"""Channel bindings of type tls-server-end-point: their application data, and the form NTLM carries them in.

The client hashes the certificate that TLS showed it and puts that under the proof; a man in the middle with another
certificate thus spoils the sign-in. Hashing the certificate itself is the caller's, who has it.

Source: RFC 5929 4.1; RFC 2744 3.11; MS-NLMP 2.2.2.1, 3.1.5.1.2.
"""

from __future__ import annotations

import hashlib
import struct

_PREFIX = b"tls-server-end-point:"
_WEAK = frozenset({"md5", "sha1"})


def certificate_hash_name(signature_hash: str | None) -> str:
    """The hash to take of a certificate that was signed with `signature_hash`, in `hashlib`'s spelling.

    The signature's own hash, but SHA-256 where that is MD5 or SHA-1. RFC 5929 leaves signatures without a hash of
    their own (Ed25519, PSS with two hashes) undefined: pass None, SHA-256 is taken, as requests-ntlm does.
    """
    if signature_hash is None:
        return "sha256"
    name = signature_hash.lower().replace("-", "")
    return "sha256" if name in _WEAK else name


def tls_server_end_point_data(certificate_hash: bytes) -> bytes:
    """The application data for a certificate's digest, as GSS-API is given it. Source: RFC 5929 4; RFC 5056 2.1."""
    return _PREFIX + certificate_hash


def tls_server_end_point_binding(certificate_hash: bytes) -> bytes:
    """The 16-byte value of AV pair 10 for a certificate's digest."""
    return channel_binding_hash(tls_server_end_point_data(certificate_hash))


def channel_binding_hash(application_data: bytes) -> bytes:
    """The 16-byte value of AV pair 10 for a binding's application data, b"" for b"".

    MD5 of a gss_channel_bindings_struct: two addresses of type and length 0 (16 zero bytes), then the application
    data with its length, little-endian.
    """
    if not application_data:
        return b""
    packed = bytes(16) + struct.pack("<I", len(application_data)) + application_data
    return hashlib.md5(packed, usedforsecurity=False).digest()
