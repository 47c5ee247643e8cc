"""The account Handfast reads the directory with, and what keeps us from locking it ourselves."""

from __future__ import annotations

from pathlib import Path

from handfast.directory.session import BindRefused
from handfast.identity.ports import Unavailable

REFUSED_PAUSE_SECONDS = 600.0
"""A refused password is sent again this much later at the soonest. Each try counts in the domain: one a poll would lock the
account within minutes, three in half an hour stay below what domains allow.
"""
MAX_PASSWORD_BYTES = 4096


class OwnAccount:
    """Its password is read anew for each new connection, so a changed file counts at once. For one thread."""

    def __init__(self, user: str, password_file: Path) -> None:
        self.user = user
        self._file = password_file
        self._refused = ""
        self._refused_until = 0.0
        self._refusal = ""

    def password(self, now: float) -> str:
        """What to send. Raises: BindRefused for one that was refused lately, Unavailable where the file can't be read."""
        password = load_password(self._file)
        if password == self._refused and now < self._refused_until:
            raise BindRefused(
                f"{self._refusal} (not tried again before its password file changes, or in 10 minutes)"
            )
        return password

    def was_refused(self, password: str, now: float, refusal: str) -> None:
        """Remembers it, by whichever controller it was."""
        self._refused, self._refusal = password, refusal
        self._refused_until = now + REFUSED_PAUSE_SECONDS


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
