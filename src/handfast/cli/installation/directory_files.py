"""Writes what `handfast directory init` decided: the password file first, then the settings that name it; each whole or not."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from handfast.cli.installation.answers import SERVICE_USER


def write_password(file: Path, password: str) -> bool:
    """Readable for identity's user alone: mode 0600, owned by the service's user where there is one. False: it stood already.

    Raises: OSError.
    """
    data = (password + "\n").encode()
    owner = _service_owner(file)
    if file.exists() and file.read_bytes() == data and _is_for(owner, file.stat()):
        return False
    _replace(file, data, 0o600, owner)
    return True


def write_settings(file: Path, text: str) -> bool:
    """In place of the file, with its owner and mode. False: it stood already. Raises: OSError."""
    data = text.encode()
    if file.read_bytes() == data:
        return False
    status = file.stat()
    _replace(file, data, status.st_mode & 0o777, (status.st_uid, status.st_gid))
    return True


def _is_for(owner: tuple[int, int], found: os.stat_result) -> bool:
    """Closed to all but its owner, who is the right one as far as we could make it so."""
    return not found.st_mode & 0o077 and (os.geteuid() != 0 or found.st_uid == owner[0])


def _service_owner(file: Path) -> tuple[int, int]:
    """The service's user when root sets the machine's own installation up, else whoever owns the folder (a trial)."""
    try:
        entry = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        status = file.parent.stat()
        return status.st_uid, status.st_gid
    return entry.pw_uid, entry.pw_gid


def _replace(file: Path, data: bytes, mode: int, owner: tuple[int, int]) -> None:
    """Writes beside and renames, so that no reader ever sees half a file."""
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
        if os.geteuid() == 0:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        opened.flush()
        os.fsync(descriptor)
    beside.replace(file)
