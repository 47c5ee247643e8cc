"""The account Handfast reads the directory with, and what keeps us from locking it ourselves."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Protocol

from handfast.directory.session import AccountShut, BindRefused
from handfast.identity.ports import Unavailable

REFUSED_PAUSE_SECONDS = 600.0
"""A refused password is sent again this much later at the soonest, and twice as much with each refusal more. Each try counts in
the domain, and each begins the time anew for which the domain counts: only pauses that outgrow it let it end. After 10 and
20 minutes, half an hour ends in the third pause, an hour in the fourth; domains allow five.
"""
LONGEST_PAUSE = timedelta(days=1)
MAX_PASSWORD_BYTES = 4096


def pause_after(times: int) -> timedelta:
    """How long a password rests that was refused so many times, at least once."""
    doublings = min(times - 1, 16)  # beyond the longest pause, and no huge number
    return min(timedelta(seconds=REFUSED_PAUSE_SECONDS) * (1 << doublings), LONGEST_PAUSE)


class RefusalRecord(Protocol):
    """Keeps which password was refused beyond the end of this process: one that starts again and again must not try anew."""

    async def find(self, user: str, password: str) -> tuple[int, timedelta] | None:
        """How often it was refused, and how long ago the last time was. Raises: Unavailable."""
        ...

    async def keep(self, user: str, password: str, times: int, lasts: timedelta) -> None:
        """It was refused now, `times` in all; that may be forgotten after `lasts`. Raises: Unavailable."""
        ...

    async def forget(self, user: str, password: str) -> None:
        """It was accepted. Raises: Unavailable."""
        ...


class OwnAccount:
    """Its password is read anew for each new connection, so a changed file counts at once. For one thread.

    `record` is None where nothing is known of other processes. One that `insists` sends also a password that rests, once:
    somebody who has mended the account in the domain asks for it. Accepted, it rests nowhere any more.
    """

    def __init__(
        self, user: str, password_file: Path, record: RefusalRecord | None = None, *, insists: bool = False
    ) -> None:
        self.user = user
        self._insists = insists
        self._file = password_file
        self._record = record
        self._refused = ""
        self._times = 0
        self._rests_until = 0.0
        self._refusal = ""
        self._is_recorded = False
        self._accepted = ""
        self._unproven = asyncio.Lock()

    async def sign_in(self, send: Callable[[str], Awaitable[None]], patience_seconds: float) -> None:
        """Has `send` sign in. A password that is not known to be right is sent by one at a time: where it is refused, those
        who waited don't send it. They wait for `patience_seconds`.

        Raises: BindRefused by `send`, and for what was refused lately; Unavailable.
        """
        if load_password(self._file) == self._accepted:
            await self._sign_in(send)
            return
        try:
            async with asyncio.timeout(patience_seconds):
                await self._unproven.acquire()
        except TimeoutError:
            raise Unavailable(f"whether the password of {self.user} is right is still being asked") from None
        try:
            await self._sign_in(send)
        finally:
            self._unproven.release()

    async def _sign_in(self, send: Callable[[str], Awaitable[None]]) -> None:
        password = await self.password(time.monotonic())
        try:
            await send(password)
        except AccountShut:
            # It may be sent again soon: no domain counts what comes while an account is locked. But by one at a time.
            self._accepted = ""
            raise
        except BindRefused as refused:
            await self.was_refused(password, time.monotonic(), str(refused))
            raise
        await self.was_accepted(password)

    async def password(self, now: float) -> str:
        """What to send. Raises: BindRefused for one that was refused lately, Unavailable where the file can't be read."""
        password = load_password(self._file)
        if self._record is not None:
            await self._compare(self._record, password, now)
        if self._rests(password, now) and not self._insists:
            minutes = ceil((self._rests_until - now) / 60)
            raise BindRefused(
                f"{self._refusal} (not tried again before its password file changes, or in {minutes} min;"
                " `handfast directory check --again` tries it now)"
            )
        return password

    async def _compare(self, record: RefusalRecord, password: str, now: float) -> None:
        """What others did with the password since: it was refused, or accepted and what we wrote down is gone."""
        known = await record.find(self.user, password)
        if known is None:
            # What could not be written down, only we know.
            if password == self._refused and self._is_recorded:
                self._refused = ""
        elif password != self._refused or known[0] > self._times:
            times, ago = known
            refusal = f"the password of {self.user} was refused lately"
            self._remember(password, times, now - ago.total_seconds(), refusal)
            self._is_recorded = True

    async def was_refused(self, password: str, now: float, refusal: str) -> None:
        """Remembers it, by whichever controller it was."""
        self._insists = False
        times = self._times if password == self._refused else 0
        if not self._rests(password, now):  # else it was under way when another was refused
            times += 1
        self._remember(password, times, now, refusal)
        if password == self._accepted:
            self._accepted = ""
        self._is_recorded = False
        if self._record is not None:
            # What can't be written down is remembered until this process ends.
            with contextlib.suppress(Unavailable):
                await self._record.keep(self.user, password, times, pause_after(times) + LONGEST_PAUSE)
                self._is_recorded = True

    async def was_accepted(self, password: str) -> None:
        """Whatever refused it is over."""
        self._accepted = password
        if password == self._refused:
            self._refused = ""
            if self._record is not None:
                with contextlib.suppress(Unavailable):
                    await self._record.forget(self.user, password)

    def _rests(self, password: str, now: float) -> bool:
        return password == self._refused and now < self._rests_until

    def _remember(self, password: str, times: int, at: float, refusal: str) -> None:
        self._refused, self._times, self._refusal = password, times, refusal
        self._rests_until = at + pause_after(times).total_seconds()


def load_password(file: Path) -> str:
    """The file's one line. Raises: Unavailable."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_PASSWORD_BYTES + 1)
        password = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise Unavailable(f"directory.bind_password_file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unavailable(f"directory.bind_password_file {file}: not UTF-8") from None
    if not password or len(data) > MAX_PASSWORD_BYTES or "\n" in password:
        raise Unavailable(f"directory.bind_password_file {file}: must hold the password in its one line")
    return password
