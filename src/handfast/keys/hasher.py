"""Argon2id for human-chosen secrets, in a few threads of its own so that no event loop ever waits for it.

Source: RFC 9106 4 (second recommended option: 64 MiB, three passes); one lane, because the threads are ours to count.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import threading
import time
from base64 import b64encode
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
MAX_WAIT_SECONDS = 2.0
"""On a busy machine a hash takes longer. What waited for so long is not begun any more: hashing for callers that have
given up would keep the queue full for ever."""
NICE = 10
"""Guessing costs an attacker nothing and us a hash each: under a flood, everything else goes first."""


class Argon2Hasher:
    """`identity.ports.SecretHasher`. Memory: 64 MiB for each of two threads, never more.

    Raises: Unavailable from both calls while the queue is full, and after `max_wait_seconds` in it.
    """

    def __init__(
        self,
        *,
        time_cost: int = 3,
        memory_kib: int = 64 * 1024,
        max_waiting: int = MAX_WAITING,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2", initializer=_stand_back)
        self._max_jobs = THREADS + max_waiting
        self._max_wait_seconds = max_wait_seconds
        self._jobs = 0
        # Verified against where an account has no secret, so that its absence can't be told by time.
        # Any digest does: nobody knows what would give it, and computing it would only make every start slower.
        salt, digest = _unpadded(secrets.token_bytes(16)), _unpadded(secrets.token_bytes(32))
        self._dummy = f"$argon2id$v=19$m={memory_kib},t={time_cost},p=1${salt}${digest}"

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
        latest = time.monotonic() + self._max_wait_seconds

        def begin() -> T:
            if time.monotonic() > latest:
                raise Unavailable("the verification of human-chosen secrets lags behind")
            return work()

        job = asyncio.get_running_loop().run_in_executor(self._threads, begin)
        self._jobs += 1
        job.add_done_callback(self._done)
        # A caller that goes away must not free the slot of a thread that still works.
        return await asyncio.shield(job)

    def _done(self, job: asyncio.Future[T]) -> None:
        self._jobs -= 1
        if not job.cancelled():
            job.exception()


def _stand_back() -> None:
    """Lowers the priority of the calling thread alone, which only Linux can."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _unpadded(data: bytes) -> str:
    """Base64 as the PHC string format has it."""
    return b64encode(data).decode("ascii").rstrip("=")


def _bytes(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")
