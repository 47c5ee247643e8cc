"""Files beside the database: whoever makes them, they belong to the owner of their folder, who is the service's user.

A command that root gives works as that user; `handfast serve` by root does not, and what it left root's own would keep the
service from starting.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from handfast.identity.ports import Unavailable
from handfast.protocols.printed import posix_word

MODE = 0o600
_WRITABLE_BY_OTHERS = 0o022


class NotOurs(Unavailable):
    """A file can't be opened or made; `remedy` says what mends it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def open_owned(path: Path, flags: int) -> int:
    """A descriptor of the file, which is made with mode 0600 where it is not there. Raises: OSError.

    Only what was made here changes hands, on the descriptor: no link that somebody put there leads to another file.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return os.open(path, flags | os.O_CLOEXEC)
    try:
        _hand_over(descriptor, path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _hand_over(descriptor: int, folder: Path) -> None:
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    if owner.st_uid != 0 and not owner.st_mode & _WRITABLE_BY_OTHERS:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def not_ours(what: str, path: Path, error: OSError) -> NotOurs:
    """`what` was tried with the file, and the system refused it."""
    return NotOurs(f"{what}: {error.strerror}", _remedy(path) if isinstance(error, PermissionError) else "")


def _remedy(path: Path) -> str:
    try:
        uid = path.parent.stat().st_uid
    except OSError:
        uid = 0
    if uid != os.geteuid():
        return "let the service's user write there, or run this as root"
    return f"give it to the service's user, as root: chown {_name(uid)} {posix_word(str(path))}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
