"""What is wrong on this machine: key file, rights, disk, ports, clock. Pure, over what the probes saw."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from handfast.doctor.findings import Finding, error, warning

LITTLE_SPACE = 1024**3
NO_SPACE = 100 * 1024**2
"""Below this SQLite's journal may no longer fit into a busy hour."""
CLOCK_WARNING = timedelta(seconds=60)
CLOCK_ERROR = timedelta(seconds=300)
"""NTLM and Kerberos refuse times further apart (MS-KILE 3.1.1.2: 5 minutes)."""


@dataclass(frozen=True, slots=True)
class FileRights:
    """Owner, group and mode of a file and of each folder above it, the file first."""

    path: Path
    chain: tuple[tuple[int, int, int], ...]


def may_read(rights: FileRights, uid: int, groups: frozenset[int]) -> bool:
    """Whether that user may read the file, by the classic rules (no ACLs): all folders entered, the file read."""
    if uid == 0:
        return True
    (owner, group, mode), *folders = rights.chain
    return _allows(owner, group, mode, uid, groups, 4) and all(
        _allows(*one, uid, groups, 1) for one in folders
    )


def _allows(owner: int, group: int, mode: int, uid: int, groups: frozenset[int], bit: int) -> bool:
    if uid == owner:
        return bool(mode & (bit << 6))
    if group in groups:
        return bool(mode & (bit << 3))
    return bool(mode & bit)


def check_key_file_rights(rights: FileRights | None, path: Path) -> Iterator[Finding]:
    """The key file is there, and nobody but its owner can touch it."""
    if rights is None:
        yield error("key-file-missing", f"{path}: there is no key file", "restore it, or run `handfast init`")
        return
    mode = stat.S_IMODE(rights.chain[0][2])
    if mode & 0o077:
        yield error("key-file-mode", f"{path}: others may use it (mode {mode:04o})", f"chmod 600 {path}")


def check_worker_user(
    user: str, uid: int, groups: frozenset[int], secret: Sequence[FileRights], needed: Sequence[FileRights]
) -> Iterator[Finding]:
    """The workers' user must not read what is `secret` and must read what is `needed` (certificates and keys)."""
    if uid == 0:
        yield error("worker-user", "gateway.user is root", "use a user of its own; `handfast init` makes one")
        return
    for one in secret:
        if may_read(one, uid, groups):
            said = f"{one.path}: the gateway workers' user {user} can read it"
            yield error("worker-user-reads-secrets", said, f"chmod o-rwx,g-rwx {one.path}")
    for one in needed:
        if not may_read(one, uid, groups):
            said = f"{one.path}: the gateway workers' user {user} can't read it"
            yield error(
                "worker-user-lacks-certificate", said, f"let its group read it: chgrp {user}, chmod 640"
            )


def check_disk(path: Path, free_bytes: int, *, is_writable: bool) -> Iterator[Finding]:
    """Space for the database, and the right to use it."""
    if free_bytes < NO_SPACE:
        yield error(
            "disk-full", f"{path}: {free_bytes // 1024**2} MiB free", "make room; sign-ins will fail soon"
        )
    elif free_bytes < LITTLE_SPACE:
        yield warning(
            "disk-low", f"{path}: {free_bytes // 1024**2} MiB free", "make room, or use a larger disk"
        )
    if not is_writable:
        remedy = "give it to the service's user; run the doctor as that user or as root"
        yield error("database-not-writable", f"{path}: can't be written", remedy)


def check_port(name: str, address: str, problem: str | None) -> Iterator[Finding]:
    """`problem` is why the address could not be bound, or None."""
    if problem is not None:
        said = f"listener {name}: {address} can't be used: {problem}"
        yield error("port-in-use", said, "stop what uses it (ss -ltnp), or choose another address")


def check_clock(now: datetime, seen: Sequence[tuple[str, datetime]]) -> Iterator[Finding]:
    """Compares our clock with those of the back ends (their Date headers, to the second)."""
    for server, theirs in seen:
        apart = abs(now - theirs)
        if apart >= CLOCK_WARNING:
            make = error if apart >= CLOCK_ERROR else warning
            said = f"this clock and that of {server} are {int(apart.total_seconds())} s apart"
            yield make("clock-off", said, "let both use NTP (timedatectl set-ntp true)")


def check_dns(host: str, problem: str | None) -> Iterator[Finding]:
    """`problem` is why the name has no address, or None."""
    if problem is not None:
        said = f"{host} has no address here: {problem}"
        yield warning("dns-name", said, "publish the name in DNS; phones look it up outside")
