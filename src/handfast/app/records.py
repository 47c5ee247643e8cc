"""Opening what identity keeps: key file, database, audit chain. The identity process and offline commands share it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from handfast.identity.ports import Unavailable
from handfast.keys.key_ring import FileKeyRing
from handfast.settings.model import Settings
from handfast.storage.migration import migrate
from handfast.storage.opening import SqlRecords, open_records
from handfast.storage.owner_lock import OwnerLock
from handfast.storage.urls import sqlite_path


@dataclass(frozen=True, slots=True)
class OpenRecords:
    """Records that were started, with their keys and the lock that makes us their owner (SQLite)."""

    records: SqlRecords
    keyring: FileKeyRing
    chain: str
    lock: OwnerLock | None

    async def close(self) -> None:
        """Commits what is queued, then gives the database back."""
        await self.records.close()
        if self.lock is not None:
            self.lock.release()


def audit_chain(settings: Settings, *, offline: bool = False) -> str:
    """The name of this process's audit chain.

    SQLite has one owner at a time, so one chain serves identity and offline commands. Identities that share a
    PostgreSQL database write a chain each, named for their machine, and an offline command one of its own.
    """
    if sqlite_path(settings.identity.database) is not None:
        return "identity"
    return f"{'offline' if offline else 'identity'}@{socket.gethostname()}"


def checkpoint_path(settings: Settings) -> Path | None:
    """Where signed checkpoints leave the database; None where nowhere was set and the database is not a file."""
    if settings.identity.checkpoint_file is not None:
        return settings.identity.checkpoint_file
    database = sqlite_path(settings.identity.database)
    return database.with_name(database.name + ".checkpoints") if database is not None else None


async def open_all(settings: Settings, *, offline: bool = False) -> OpenRecords:
    """Loads the keys, becomes the database's owner, migrates it and starts the records.

    Raises: KeyFileError, Unavailable (owned by another process, not reachable, newer than this program).
    """
    keyring = FileKeyRing.load(settings.identity.key_file)
    url, password = settings.identity.database, database_password(settings)
    path = sqlite_path(url)
    lock = OwnerLock(path) if path is not None else None
    if lock is not None:
        lock.acquire()
    try:
        migrate(url, password=password)
        chain = audit_chain(settings, offline=offline)
        records = open_records(url, keyring, chain=chain, password=password)
        await records.start()
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return OpenRecords(records, keyring, chain, lock)


def database_password(settings: Settings) -> str | None:
    """The PostgreSQL password, where a file holds it. Raises: Unavailable."""
    file = settings.identity.database_password_file
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Unavailable(f"the database password file {file} can't be read: {error}") from error
