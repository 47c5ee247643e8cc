"""Work that root does as identity's user. What identity can't read, or refuses for its owner, is found by asking as it would."""

from __future__ import annotations

import os
import pwd
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from handfast.identity.administration.errors import AdministrationError
from handfast.settings.check_files import identity_files
from handfast.settings.model import Settings
from handfast.storage.urls import sqlite_path


@dataclass(frozen=True, slots=True)
class IdentityUser:
    """Who identity runs as; `name` is the uid where it has none."""

    uid: int
    gid: int
    name: str

    @property
    def groups(self) -> list[int]:
        """All it is in, its own among them."""
        return os.getgrouplist(self.name, self.gid)

    def __str__(self) -> str:
        return f"uid {self.uid}" if self.name == str(self.uid) else f"{self.name} (uid {self.uid})"


def find_identity_user(settings: Settings) -> IdentityUser | None:
    """The owner of what is identity's alone. None where nothing of it is there yet, or may be looked at.

    One of these files that is root's was put back by hand, or identity is root's: only where all of them are.
    """
    places = (
        sqlite_path(settings.identity.database),
        settings.identity.runtime_dir,
        settings.identity.key_file,
    )
    owners = [owner for place in places if place is not None and (owner := _owner(place)) is not None]
    return next((one for one in owners if one.uid != 0), owners[0] if owners else None)


def speaks_for_identity(settings: Settings) -> bool:
    """Whether we are root or identity's user. What anybody else may not read says nothing of what identity may."""
    user = find_identity_user(settings)
    return user is None or os.geteuid() in {0, user.uid}


def refuse_others(settings: Settings) -> None:
    """For what speaks of identity's secrets as if it were identity. Raises: AdministrationError for all but root and its user."""
    if not speaks_for_identity(settings):
        user = find_identity_user(settings)
        said = f"only root and identity's user, {user}, may read what this looks at"
        raise AdministrationError("refused", said, "run it as root, or as that user")


@contextmanager
def as_identity_user(settings: Settings) -> Iterator[None]:
    """Root becomes identity's user, with its groups, and root again at the end; for anybody else it does nothing.

    The whole process, with all its threads, is that user meanwhile: root enters it in the main thread alone, around
    everything that threads do.
    """
    user = find_identity_user(settings)
    if user is None or user.uid == 0 or os.geteuid() != 0:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a thread must not change whose process this is")
    own_group, own_groups = os.getegid(), os.getgroups()
    try:
        os.setgroups(user.groups)
        os.setegid(user.gid)
        os.seteuid(user.uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(own_group)
        os.setgroups(own_groups)


def closed_to_identity(settings: Settings) -> list[tuple[str, Path]]:
    """(path in the settings, file) of all that is there and that identity's user may not read. Nothing unless root asks."""
    if os.geteuid() != 0 or settings.gateway.identity is not None:
        return []
    there = [(path, file) for path, file in identity_files(settings) if file.exists()]
    with as_identity_user(settings):
        return [(path, file) for path, file in there if not os.access(file, os.R_OK, effective_ids=True)]


def _owner(place: Path) -> IdentityUser | None:
    try:
        found = place.stat()
    except OSError:
        return None
    try:
        entry = pwd.getpwuid(found.st_uid)
    except KeyError:
        return IdentityUser(found.st_uid, found.st_gid, str(found.st_uid))
    return IdentityUser(entry.pw_uid, entry.pw_gid, entry.pw_name)
