"""A key ring with real HMACs and a toy sealing: authenticated and bound to its place, but no AES."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

from handfast.identity.records import AccountId


class FakeKeyRing:
    """Fits `identity.ports.KeyRing`. Older keys first verify, then go; `rotate` makes a new current one."""

    def __init__(self, secret: bytes = b"test key") -> None:
        self._secrets = {"k1": secret}
        self.current_key_id = "k1"
        self._nonce = 0

    def rotate(self, key_id: str, secret: bytes) -> None:
        self._secrets[key_id] = secret
        self.current_key_id = key_id

    def forget(self, key_id: str) -> None:
        del self._secrets[key_id]

    def verifiers(self, account_id: AccountId, canonical_secret: str) -> Iterator[tuple[str, bytes]]:
        ordered = [self.current_key_id, *(k for k in self._secrets if k != self.current_key_id)]
        for key_id in ordered:
            yield key_id, self._mac(key_id, "verifier", f"{account_id}|{canonical_secret}".encode())

    def seal(self, plaintext: bytes, *, associated: str) -> tuple[str, bytes]:
        self._nonce += 1
        nonce = self._nonce.to_bytes(12, "big")
        body = self._xor(self.current_key_id, nonce, plaintext)
        tag = self._mac(self.current_key_id, "seal", nonce + associated.encode() + b"\0" + body)
        return self.current_key_id, nonce + tag + body

    def unseal(self, key_id: str, sealed: bytes, *, associated: str) -> bytes:
        if key_id not in self._secrets or len(sealed) < 44:
            raise ValueError("unknown key or short ciphertext")
        nonce, tag, body = sealed[:12], sealed[12:44], sealed[44:]
        expected = self._mac(key_id, "seal", nonce + associated.encode() + b"\0" + body)
        if not hmac.compare_digest(tag, expected):
            raise ValueError("ciphertext changed or moved")
        return self._xor(key_id, nonce, body)

    def audit_mac(self, message: bytes) -> bytes:
        return self._mac("k1", "audit", message)

    def sign_checkpoint(self, message: bytes) -> bytes:
        return self._mac("k1", "checkpoint", message)

    def verify_checkpoint(self, message: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(signature, self.sign_checkpoint(message))

    def _mac(self, key_id: str, purpose: str, message: bytes) -> bytes:
        return hmac.new(self._secrets[key_id], purpose.encode() + b"\0" + message, hashlib.sha256).digest()

    def _xor(self, key_id: str, nonce: bytes, text: bytes) -> bytes:
        stream = hashlib.shake_256(self._secrets[key_id] + nonce).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, stream, strict=True))
