"""Randomness that repeats itself from test run to test run, and never within one."""

from __future__ import annotations

import random


class SeededRandomness:
    """Fits `identity.ports.Randomness`."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def choice(self, alphabet: str) -> str:
        return self._random.choice(alphabet)
