"""Who owns the database: the identity process while it runs, else an offline command."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from handfast.identity.ports import Unavailable
from handfast.storage.owned_files import not_ours, open_owned


class OwnedElsewhere(Unavailable):
    """Another process owns the database; it may give it up soon."""


class OwnerLock:
    """An exclusive `flock` on `<database>.lock`, which holds the owner's process id; a crash releases it."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises: OwnedElsewhere where another process holds it, Unavailable where the file can't be made."""
        try:
            descriptor = open_owned(self._path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError as error:
            raise not_ours(f"{self._path} can't be opened", self._path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise OwnedElsewhere(
                f"identity is running (process {owner}): use its admin socket, or stop it first"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Does nothing where it is not held. The file stays: removing it would let two processes lock two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> OwnerLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
