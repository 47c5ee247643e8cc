"""The key table on disk, read anew when it changes, and pieces of it in memory for the library.

The library is never given the file's own path. It gets a copy in anonymous memory of the keys that are meant: what was
checked is thus what is used, and of two key versions the one that works can be chosen (`service_account`).
"""

from __future__ import annotations

import os
import pwd
import stat
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from handfast.kerberos.setup_error import KerberosSetupError
from handfast.observability.logging import event_log
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.keytab import MAX_FILE_BYTES, KeytabEntry, encode_keytab, parse_keytab
from handfast.protocols.printed import posix_word

LOOK_SECONDS = 1.0
"""Between two looks at the file."""

_LOG = event_log("kerberos")
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class KeyTable:
    """The file's entries at one time; `generation` counts the times it was found changed."""

    entries: tuple[KeytabEntry, ...]
    generation: int = 0


def read_key_table(path: Path) -> tuple[KeytabEntry, ...]:
    """Its entries, after its owner and mode were checked on the very descriptor that is read. Raises: KerberosSetupError."""
    return _read(path)[0]


def _read(path: Path) -> tuple[tuple[KeytabEntry, ...], _Stamp]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KerberosSetupError(
            f"there is no keytab {path}",
            "Export it with `ktpass` (Windows) or `samba-tool domain exportkeytab`, and copy it there",
        ) from None
    except OSError as error:
        raise KerberosSetupError(
            f"the keytab {path} can't be read by {_who(os.geteuid())} ({error.strerror})",
            f"{_take(path)}, and let that user enter the folders above it",
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        _check_guarded(path, found)
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        entries = parse_keytab(content)
    except MalformedMessage as error:
        raise KerberosSetupError(f"{path} is no keytab ({error})", "Export it anew") from None
    if not entries:
        raise KerberosSetupError(f"the keytab {path} holds no key", "Export it anew")
    return entries, _stamp(found)


def _check_guarded(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KerberosSetupError(f"{path} is no regular file", "Point `kerberos.keytab` at the keytab itself")
    if found.st_uid not in {0, os.geteuid()}:
        raise KerberosSetupError(
            f"the keytab {path} belongs to {_who(found.st_uid)}, who could put in other keys",
            _take(path),
        )
    if found.st_mode & 0o077:
        raise KerberosSetupError(
            f"others than its owner may use the keytab {path} (mode {stat.S_IMODE(found.st_mode):04o})",
            f"Run `chmod 600 {posix_word(str(path))}`; if somebody else could read it, change the account's password and export it anew",
        )


def _take(path: Path) -> str:
    """What makes us its owner: identity's user, or whoever asks as that user."""
    user = os.geteuid()
    return f"Make {_who(user)} its owner: `chown {_name(user) or user} {posix_word(str(path))}`"


def _who(uid: int) -> str:
    name = _name(uid)
    return f"{name} (uid {uid})" if name else f"uid {uid}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _stamp(found: os.stat_result) -> _Stamp:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


class KeyTableFile:
    """The key table as it stands, for worker threads. A change that can't be used, or lacks what `check` wants, is logged and
    the old keys stay: who rotates may have written half the file yet, or forgotten a name.

    Raises, when made: KerberosSetupError.
    """

    def __init__(
        self,
        path: Path,
        check: Callable[[tuple[KeytabEntry, ...]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`check` raises KerberosSetupError."""
        self._path = path
        self._check = check
        self._clock = clock
        entries, stamp = _read(path)
        check(entries)
        self._seen: _Stamp | None = stamp
        self._table = KeyTable(entries)
        self._looked_at = clock()

    def current(self) -> KeyTable:
        """At most a second old. Threads may call it at once: the worst that comes of it is reading twice."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        return self._table

    def _look(self) -> None:
        try:
            stamp: _Stamp | None = _stamp(self._path.stat())
        except OSError:
            stamp = None
        if stamp == self._seen:
            return
        self._seen = stamp  # Each state of the file is looked at, and told of, once.
        try:
            entries, self._seen = _read(self._path)
            self._check(entries)
        except KerberosSetupError as error:
            _LOG.warning("keytab-not-taken", problem=error.problem, remedy=error.remedy)
            return
        if entries == self._table.entries:
            return  # Written anew with the same keys: what the domain refused it would refuse again.
        self._table = KeyTable(entries, self._table.generation + 1)
        _LOG.info("keytab-read", entries=len(entries), kvnos=sorted({entry.kvno for entry in entries}))


class MemoryKeyTable:
    """Keys in anonymous memory, which the library opens by `name` like a file. Gone when the last reference is."""

    def __init__(self, entries: Iterable[KeytabEntry]) -> None:
        descriptor = os.memfd_create("keytab", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        os.write(descriptor, encode_keytab(entries))
        self.name = f"FILE:/proc/self/fd/{descriptor}"
