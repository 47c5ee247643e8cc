"""The key file: 32 random bytes a key, with ids, so that keys can be rotated without losing what older keys made.

A text file, mode 0600, that a person can read, back up and compare:

    handfast-keys 1
    key 3f9ac2d1 2026-01-01T00:00:00+00:00 q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=

Lines that begin with `#` and empty lines mean nothing. The last key is the current one, the first is the anchor: the
audit chain and the checkpoint signature hang on the anchor, so that rotating a key breaks no chain.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

HEADER = "handfast-keys 1"
KEY_BYTES = 32
MAX_FILE_BYTES = 64 * 1024
"""Some 600 keys: far more than anybody rotates through, little enough to read whole."""

_KEY_ID = re.compile(r"[0-9a-f]{8}")


class KeyFileError(ValueError):
    """The key file can't be used. `str()` says where and why and what to do, and never holds key material."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"key file {path}: {problem}. {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key of the file; all others are derived from it. `secret` has 32 bytes."""

    id: str
    created_at: datetime
    secret: bytes = field(repr=False)


def create_key_file(path: Path, *, now: datetime) -> MasterKey:
    """Writes a new file with one key, mode 0600. Raises: KeyFileError where the file exists or can't be written."""
    key = _new_key(now, taken=frozenset())
    try:
        _write_new(path, _encode((key,)))
    except FileExistsError:
        raise KeyFileError(
            path, "it exists already", "Keep it: everything secret in the database hangs on it"
        ) from None
    except OSError as error:
        raise KeyFileError(
            path, f"can't be written ({error.strerror})", "Check the folder and its rights"
        ) from error
    return key


def rotate_key_file(path: Path, *, now: datetime) -> MasterKey:
    """Adds a key, which becomes the current one; the file is replaced whole. Raises: KeyFileError."""
    keys = load_key_file(path)
    key = _new_key(now, taken=frozenset(known.id for known in keys))
    beside = path.with_name(path.name + ".new")
    before = path.stat()
    try:
        beside.unlink(missing_ok=True)
        _write_new(beside, _encode((*keys, key)), owner=(before.st_uid, before.st_gid))
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(
            path, f"can't be replaced ({error.strerror})", "Check the folder and its rights"
        ) from error
    return key


def load_key_file(path: Path) -> tuple[MasterKey, ...]:
    """The keys of the file, oldest first; at least one. Raises: KeyFileError."""
    return _decode(path, _read_guarded(path))


def _read_guarded(path: Path) -> str:
    """The file's text, after its rights were checked on the very descriptor that is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyFileError(path, "there is none", "Create it with `handfast init`") from None
    except OSError as error:
        raise KeyFileError(
            path, f"can't be read ({error.strerror})", "Run as the service user or root"
        ) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise KeyFileError(path, "it is no regular file", "Point `identity.key_file` at the key file")
    with os.fdopen(descriptor, "rb") as file:
        if mode & 0o077:
            raise KeyFileError(
                path,
                f"others than its owner may use it (mode {stat.S_IMODE(mode):04o})",
                f"Run `chmod 600 {path}`; if somebody else could read it, rotate the keys",
            )
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileError(path, "it is too long to be a key file", "Restore it from your backup")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise KeyFileError(path, "it holds no plain text", "Restore it from your backup") from None


def _decode(path: Path, text: str) -> tuple[MasterKey, ...]:
    numbered = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not numbered or numbered[0][1] != HEADER:
        raise KeyFileError(path, f"its first line is not `{HEADER}`", "Restore it from your backup")
    keys: list[MasterKey] = []
    for number, line in numbered[1:]:
        key = _decode_line(line)
        if key is None:
            raise KeyFileError(path, f"line {number} is no key", "Restore it from your backup")
        if any(key.id == known.id for known in keys):
            raise KeyFileError(path, f"line {number} repeats the key id {key.id}", "Remove one of the two")
        keys.append(key)
    if not keys:
        raise KeyFileError(path, "it holds no key", "Restore it from your backup")
    return tuple(keys)


def _decode_line(line: str) -> MasterKey | None:
    match line.split():
        case ["key", key_id, created, encoded] if _KEY_ID.fullmatch(key_id):
            try:
                secret = base64.b64decode(encoded, validate=True)
                created_at = datetime.fromisoformat(created)
            except (binascii.Error, ValueError):
                return None
            if len(secret) != KEY_BYTES or created_at.tzinfo is None:
                return None
            return MasterKey(id=key_id, created_at=created_at, secret=secret)
        case _:
            return None


def _encode(keys: tuple[MasterKey, ...]) -> str:
    lines = [HEADER, "# Keep a copy off this machine, and keep it secret. The last key is the current one."]
    lines += [
        f"key {key.id} {key.created_at.isoformat()} {base64.b64encode(key.secret).decode()}" for key in keys
    ]
    return "\n".join(lines) + "\n"


def _new_key(now: datetime, *, taken: frozenset[str]) -> MasterKey:
    key_id = secrets.token_hex(4)
    while key_id in taken:
        key_id = secrets.token_hex(4)
    return MasterKey(id=key_id, created_at=now, secret=secrets.token_bytes(KEY_BYTES))


def _write_new(path: Path, text: str, *, owner: tuple[int, int] | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(descriptor, 0o600)
        if owner is not None and os.geteuid() == 0:
            os.fchown(descriptor, *owner)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
