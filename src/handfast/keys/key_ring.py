"""The key ring: every key that identity uses, derived from the key file and kept apart by purpose.

    key(purpose) = HKDF-SHA-256(master key, salt = none, info = "handfast/1/" || purpose), 32 bytes

Source: RFC 5869. Verifiers are HMAC-SHA-256 (RFC 2104), sealing is AES-256-GCM with a random 96-bit nonce
(NIST SP 800-38D 8.2.2: up to 2^32 messages a key), checkpoints are signed by Ed25519 (RFC 8032), whose seed is derived
likewise, so that the public key can leave the host and verify there without any secret.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from handfast.identity.records import AccountId
from handfast.keys.key_file import KEY_BYTES, MasterKey, load_key_file

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class _WorkingKeys:
    """What one master key yields for records."""

    id: str
    verifier: bytes = field(repr=False)
    sealing: AESGCM = field(repr=False)


class FileKeyRing:
    """`identity.ports.KeyRing` over the keys of a key file; oldest first, the last one is current.

    The audit chain and the checkpoints use the oldest key whatever was rotated in since: a chain has one key.
    """

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        if not keys:
            raise ValueError("a key ring needs at least one key")
        anchor = keys[0]
        self._working = {key.id: _working_keys(key) for key in reversed(keys)}
        self._current = self._working[keys[-1].id]
        self._audit = _derive(anchor, "audit")
        self._checkpoint = Ed25519PrivateKey.from_private_bytes(_derive(anchor, "checkpoint"))

    @classmethod
    def load(cls, path: Path) -> FileKeyRing:
        """Raises: KeyFileError."""
        return cls(load_key_file(path))

    @property
    def current_key_id(self) -> str:
        """The id new ciphertexts and verifiers carry."""
        return self._current.id

    def verifiers(self, account_id: AccountId, canonical_secret: str) -> Iterable[tuple[str, bytes]]:
        """(key id, HMAC-SHA-256(key, account id || 0x00 || secret)), the current key first, 32 bytes each.

        The zero byte keeps account 1 with secret "2x" apart from account 12 with secret "x".
        """
        message = b"%d\x00%s" % (account_id, canonical_secret.encode("utf-8", "surrogatepass"))
        return [(keys.id, hmac.digest(keys.verifier, message, sha256)) for keys in self._working.values()]

    def seal(self, plaintext: bytes, *, associated: str) -> tuple[str, bytes]:
        """(current key id, nonce || ciphertext || tag); `associated` is bound in, not stored."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._current.sealing.encrypt(nonce, plaintext, associated.encode())
        return self._current.id, nonce + sealed

    def unseal(self, key_id: str, sealed: bytes, *, associated: str) -> bytes:
        """What was sealed. Raises: ValueError where the key is unknown or the ciphertext was changed or moved."""
        keys = self._working.get(key_id)
        if keys is None:
            raise ValueError(f"sealed under key {key_id!r}, which the key file does not hold")
        if len(sealed) <= NONCE_BYTES:
            raise ValueError("sealed value is too short")
        try:
            return keys.sealing.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated.encode())
        except InvalidTag:
            raise ValueError("sealed value was changed, or moved from its row") from None

    def audit_mac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under the audit key, 32 bytes."""
        return hmac.digest(self._audit, message, sha256)

    def sign_checkpoint(self, message: bytes) -> bytes:
        """Ed25519 signature, 64 bytes."""
        return self._checkpoint.sign(message)

    def verify_checkpoint(self, message: bytes, signature: bytes) -> bool:
        """True where this ring signed exactly that message."""
        try:
            self._checkpoint.public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def checkpoint_public_key(self) -> bytes:
        """The PEM (SubjectPublicKeyInfo) that verifies checkpoints on another host."""
        return self._checkpoint.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def _working_keys(key: MasterKey) -> _WorkingKeys:
    return _WorkingKeys(id=key.id, verifier=_derive(key, "verifier"), sealing=AESGCM(_derive(key, "sealing")))


def _derive(key: MasterKey, purpose: str) -> bytes:
    info = b"handfast/1/" + purpose.encode()
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key.secret)
