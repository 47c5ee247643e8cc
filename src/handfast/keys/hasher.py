"""Argon2id for human-chosen secrets, in a few threads of its own so that no event loop ever waits for it.

Source: RFC 9106 4 (second recommended option: 64 MiB, three passes); one lane, because the threads are ours to count.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from handfast.identity.ports import Unavailable

T = TypeVar("T")

THREADS = 2
MAX_WAITING = 64
"""At some 60 ms a hash on two threads a queue of 64 is two seconds long; who would wait longer is told to come later."""


class Argon2Hasher:
    """`identity.ports.SecretHasher`. Memory: 64 MiB for each of two threads, never more.

    Raises: Unavailable from both calls while the queue is full.
    """

    def __init__(
        self, *, time_cost: int = 3, memory_kib: int = 64 * 1024, max_waiting: int = MAX_WAITING
    ) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._max_jobs = THREADS + max_waiting
        self._jobs = 0
        # Verified against where an account has no secret, so that its absence can't be told by time.
        self._dummy = self._argon2.hash(secrets.token_bytes(16))

    async def hash(self, secret: str) -> str:
        """An Argon2id string with its parameters and a fresh salt."""
        return await self._run(lambda: self._argon2.hash(_bytes(secret)))

    async def verify(self, verifier: str | None, secret: str) -> bool:
        """True where the secret fits; without a verifier False, after as long a time."""
        fits = await self._run(lambda: self._fits(verifier or self._dummy, secret))
        return fits and verifier is not None

    def close(self) -> None:
        """Ends the threads; what is queued is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fits(self, verifier: str, secret: str) -> bool:
        try:
            return self._argon2.verify(verifier, _bytes(secret))
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._jobs >= self._max_jobs:
            raise Unavailable("too many human-chosen secrets are being verified")
        job = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._jobs += 1
        job.add_done_callback(self._done)
        # A caller that goes away must not free the slot of a thread that still works.
        return await asyncio.shield(job)

    def _done(self, job: asyncio.Future[T]) -> None:
        self._jobs -= 1
        if not job.cancelled():
            job.exception()


def _bytes(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")
