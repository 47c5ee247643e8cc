"""A hasher of human-chosen secrets that is quick, and counts how often it was asked."""

from __future__ import annotations

import hashlib
import hmac


class CountingHasher:
    """Fits `identity.ports.SecretHasher`. `evaluations` counts every verify, `guesses` those against a verifier."""

    def __init__(self) -> None:
        self.evaluations = 0
        self.guesses = 0

    async def hash(self, secret: str) -> str:
        return "fake$" + hashlib.sha256(secret.encode()).hexdigest()

    async def verify(self, verifier: str | None, secret: str) -> bool:
        self.evaluations += 1
        if verifier is not None:
            self.guesses += 1
        return hmac.compare_digest(verifier or "", await self.hash(secret))
