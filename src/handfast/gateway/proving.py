"""A new back-end secret is tried by one request at a time, so that a wrong one costs one failed attempt behind us.

Waiters go on when the first answer is no 401. A long poll answers late: a back end that has said nothing for
`SILENT_SECONDS` has taken the secret, for servers refuse a sign-in at once.
"""

from __future__ import annotations

import asyncio

SILENT_SECONDS = 10.0
MAX_PROVEN = 65536

ProofKey = tuple[int, str, str]
"""Account id, publication, version of the secret."""


class SecretProofs:
    """Which versions of back-end secrets have been accepted, and who waits for a verdict."""

    __slots__ = ("_loop", "_proven", "_refused", "_trials")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._proven: set[ProofKey] = set()
        self._refused: set[ProofKey] = set()
        self._trials: dict[ProofKey, asyncio.Future[None]] = {}

    def is_proven(self, key: ProofKey) -> bool:
        """True for a version that was accepted, and for back ends whose sign-in has no version."""
        return not key[2] or key in self._proven

    def is_refused(self, key: ProofKey) -> bool:
        """True for a version that a back end answered with 401."""
        return key in self._refused

    async def enter(self, key: ProofKey) -> bool:
        """Waits for this request's turn; True if it is now the one that tries, False if the version is settled."""
        while not self.is_proven(key) and key not in self._refused:
            trial = self._trials.get(key)
            if trial is None:
                self._trials[key] = self._loop.create_future()
                return True
            done, _ = await asyncio.wait({trial}, timeout=SILENT_SECONDS)
            if not done:
                self.accept(key)
        return False

    def accept(self, key: ProofKey) -> None:
        """The back end took it."""
        if len(self._proven) >= MAX_PROVEN:
            self._proven.clear()
        self._proven.add(key)
        self._end_trial(key)

    def refuse(self, key: ProofKey) -> None:
        """The back end refused it: nobody tries this version again."""
        self._proven.discard(key)
        if len(self._refused) >= MAX_PROVEN:
            self._refused.clear()
        self._refused.add(key)
        self._end_trial(key)

    def leave(self, key: ProofKey) -> None:
        """The trial ended without a verdict: the next one may try."""
        self._end_trial(key)

    def _end_trial(self, key: ProofKey) -> None:
        trial = self._trials.pop(key, None)
        if trial is not None and not trial.done():
            trial.set_result(None)
