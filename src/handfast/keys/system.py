"""The machine's own clock and randomness, as identity's ports want them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


class SystemClock:
    """`identity.ports.Clock`: the time of day in UTC."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)


class SystemRandomness:
    """`identity.ports.Randomness` from the kernel."""

    def token_bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        return secrets.token_bytes(count)

    def choice(self, alphabet: str) -> str:
        """One letter of `alphabet`, each as likely as any other."""
        return secrets.choice(alphabet)
