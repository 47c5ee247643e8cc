"""The account Handfast reads the directory with, and what keeps us from locking it ourselves."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from handfast.directory.session import BindRefused
from handfast.identity.ports import Unavailable

REFUSED_PAUSE_SECONDS = 600.0
"""A refused password is sent again this much later at the soonest. Each try counts in the domain: one a poll would lock the
account within minutes, three in half an hour stay below what domains allow.
"""
MAX_PASSWORD_BYTES = 4096
_PAUSE = timedelta(seconds=REFUSED_PAUSE_SECONDS)


class RefusalRecord(Protocol):
    """Keeps which password was refused beyond the end of this process: one that starts again and again must not try anew."""

    async def holds(self, user: str, password: str, pause: timedelta) -> bool:
        """True where it was refused less than `pause` ago. Raises: Unavailable."""
        ...

    async def keep(self, user: str, password: str, pause: timedelta) -> None:
        """It was refused now. Raises: Unavailable."""
        ...


class OwnAccount:
    """Its password is read anew for each new connection, so a changed file counts at once. For one thread.

    `record` is None for single commands, which somebody calls by hand.
    """

    def __init__(self, user: str, password_file: Path, record: RefusalRecord | None = None) -> None:
        self.user = user
        self._file = password_file
        self._record = record
        self._refused = ""
        self._refused_until = 0.0
        self._refusal = ""

    async def password(self, now: float) -> str:
        """What to send. Raises: BindRefused for one that was refused lately, Unavailable where the file can't be read."""
        password = load_password(self._file)
        refusal = self._refusal if password == self._refused and now < self._refused_until else ""
        if not refusal and self._record is not None and await self._record.holds(self.user, password, _PAUSE):
            refusal = f"the password of {self.user} was refused before the last start"
        if refusal:
            raise BindRefused(
                f"{refusal} (not tried again before its password file changes, or in 10 minutes)"
            )
        return password

    async def was_refused(self, password: str, now: float, refusal: str) -> None:
        """Remembers it, by whichever controller it was."""
        self._refused, self._refusal = password, refusal
        self._refused_until = now + REFUSED_PAUSE_SECONDS
        if self._record is not None:
            # What can't be written down is remembered until this process ends.
            with contextlib.suppress(Unavailable):
                await self._record.keep(self.user, password, _PAUSE)


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
