"""What is wrong on this machine: key file, rights, disk, ports, clock. Pure, over what the probes saw."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from handfast.doctor.findings import Finding, FindingId, error, warning
from handfast.protocols.printed import posix_word

NOBODY = -1
"""A user id that owns nothing."""
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


@dataclass(frozen=True, slots=True)
class WorkerUser:
    """The user of `gateway.user` with the groups a worker gets: its own, whose name is `group`, and no other."""

    name: str
    uid: int
    group: str
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """Who identity runs as, with all its groups; never root, who is kept out of nothing."""

    name: str
    uid: int
    groups: frozenset[int]


def may_read(rights: FileRights, uid: int, groups: frozenset[int]) -> bool:
    """Whether that user may read the file, by the classic rules (no ACLs): all folders entered, the file read."""
    return not obstacles(rights, uid, groups)


def obstacles(rights: FileRights, uid: int, groups: frozenset[int]) -> list[Path]:
    """The folders that user may not enter and the file it may not read, from the top down. Root is kept out of none."""
    if uid == 0:
        return []
    places = [rights.path, *rights.path.resolve().parents]
    needed = [4, *[1] * (len(rights.chain) - 1)]
    shut = [
        place
        for place, one, bit in zip(places, rights.chain, needed, strict=False)
        if not _allows(*one, uid, groups, bit)
    ]
    return shut[::-1]


def _allows(owner: int, group: int, mode: int, uid: int, groups: frozenset[int], bit: int) -> bool:
    if uid == owner:
        return bool(mode & (bit << 6))
    if group in groups:
        return bool(mode & (bit << 3))
    return bool(mode & bit)


def check_key_file_rights(rights: FileRights | None, path: Path) -> Iterator[Finding]:
    """The key file is there, and nobody but its owner can touch it."""
    if rights is None:
        yield error(
            FindingId.KEY_FILE_MISSING, f"{path}: there is no key file", "restore it, or run `handfast init`"
        )
        return
    mode = stat.S_IMODE(rights.chain[0][2])
    if mode & 0o077:
        said = f"{path}: others may use it (mode {mode:04o})"
        yield error(FindingId.KEY_FILE_MODE, said, f"chmod 600 {posix_word(str(path))}")


def check_worker_user(
    user: WorkerUser, secret: Sequence[FileRights], needed: Sequence[FileRights]
) -> Iterator[Finding]:
    """The workers' user must not read what is `secret` and must read what is `needed` (certificates and keys)."""
    if user.uid == 0:
        remedy = "use a user of its own; `handfast init` makes one"
        yield error(FindingId.WORKER_USER, "gateway.user is root", remedy)
        return
    for one in secret:
        if may_read(one, user.uid, user.groups):
            said = f"{one.path}: the gateway workers' user {user.name} can read it"
            yield error(
                FindingId.WORKER_USER_READS_SECRETS, said, f"chmod o-rwx,g-rwx {posix_word(str(one.path))}"
            )
    for one in needed:
        if shut := obstacles(one, user.uid, user.groups):
            said = f"{one.path}: the gateway workers' user {user.name} can't read it"
            yield error(FindingId.WORKER_USER_LACKS_CERTIFICATE, said, _opening(one.path, shut, user.group))


def _opening(file: Path, shut: Sequence[Path], group: str) -> str:
    """Commands that let a group in where it is kept out: into folders, to the file's bytes, and no further."""
    words = [(posix_word(str(one)), "g+r" if one == file else "g+x") for one in shut]
    return " && ".join(f"chgrp {posix_word(group)} {word} && chmod {right} {word}" for word, right in words)


def check_disk(path: Path, free_bytes: int, *, is_writable: bool) -> Iterator[Finding]:
    """Space for the database, and the right to use it."""
    if free_bytes < NO_SPACE:
        yield error(
            FindingId.DISK_FULL,
            f"{path}: {free_bytes // 1024**2} MiB free",
            "make room; sign-ins will fail soon",
        )
    elif free_bytes < LITTLE_SPACE:
        yield warning(
            FindingId.DISK_LOW, f"{path}: {free_bytes // 1024**2} MiB free", "make room, or use a larger disk"
        )
    if not is_writable:
        remedy = "give it to the service's user; run the doctor as that user or as root"
        yield error(FindingId.DATABASE_NOT_WRITABLE, f"{path}: can't be written", remedy)


def check_owner(owner: str, others: Sequence[Path]) -> Iterator[Finding]:
    """Files of the database that the service's user, `owner`, can't write: another user has them."""
    if others:
        files = " ".join(posix_word(str(one)) for one in others)
        said = f"{', '.join(map(str, others))}: can't be written by the service's user {owner}"
        yield error(FindingId.DATABASE_NOT_WRITABLE, said, f"chown {posix_word(owner)} {files}")


def check_admin_group(
    group: str, gid: int | None, service: ServiceUser | None, settings: FileRights | None
) -> Iterator[Finding]:
    """The group is there, the service's user is in it (else it can't give the socket to it), and members read the settings."""
    if gid is None:
        said = f"identity.admin_group: this machine has no group {group}"
        yield error(FindingId.ADMIN_GROUP, said, f"groupadd {posix_word(group)}, or empty the setting")
        return
    if service is not None and gid not in service.groups:
        said = f"identity.admin_group: the service's user {service.name} is not in the group {group}"
        remedy = f"usermod --append --groups {posix_word(group)} {posix_word(service.name)}, then restart the service"
        yield error(FindingId.ADMIN_GROUP, said, remedy)
    if settings is not None and (shut := obstacles(settings, NOBODY, frozenset({gid}))):
        said = f"{settings.path}: members of {group}, the identity.admin_group, can't read it"
        remedy = " && ".join(
            f"chmod {'o+r' if one == settings.path else 'o+x'} {posix_word(str(one))}" for one in shut
        )
        yield error(FindingId.ADMIN_GROUP, said, remedy)


def check_port(name: str, address: str, problem: str | None) -> Iterator[Finding]:
    """`problem` is why the address could not be bound, or None."""
    if problem is not None:
        said = f"listener {name}: {address} can't be used: {problem}"
        yield error(FindingId.PORT_IN_USE, said, "stop what uses it (ss -ltnp), or choose another address")


def check_clock(now: datetime, seen: Sequence[tuple[str, datetime]]) -> Iterator[Finding]:
    """Compares our clock with those of the back ends (their Date headers, to the second)."""
    for server, theirs in seen:
        apart = abs(now - theirs)
        if apart >= CLOCK_WARNING:
            make = error if apart >= CLOCK_ERROR else warning
            said = f"this clock and that of {server} are {int(apart.total_seconds())} s apart"
            yield make(FindingId.CLOCK_OFF, said, "let both use NTP (timedatectl set-ntp true)")


def check_dns(host: str, problem: str | None) -> Iterator[Finding]:
    """`problem` is why the name has no address, or None."""
    if problem is not None:
        said = f"{host} has no address here: {problem}"
        yield warning(FindingId.DNS_NAME, said, "publish the name in DNS; phones look it up outside")
