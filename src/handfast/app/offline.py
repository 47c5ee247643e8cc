"""Administration without a running identity: this process owns the database for the length of one command.

Root works as identity's user here. A database that root made before the first start, or a lock beside it, would be root's, and
identity could not open it.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handfast.app.identity_process import build_administration
from handfast.app.identity_user import as_identity_user
from handfast.app.records import open_all
from handfast.identity.administration.calls import Administration
from handfast.identity.administration.errors import AdministrationError, DatabaseOwned
from handfast.identity.ports import Unavailable
from handfast.keys.hasher import Argon2Hasher
from handfast.keys.key_file import KeyFileError
from handfast.settings.model import Settings
from handfast.storage.owner_lock import OwnedElsewhere


class OfflineAdministration:
    """The administration, called as the admin socket would call it."""

    def __init__(self, settings: Settings, runner: asyncio.Runner, administration: Administration) -> None:
        self._settings = settings
        self._runner = runner
        self._administration = administration

    def call(self, method: str, **arguments: Any) -> Any:
        """Raises: AdministrationError."""
        work = getattr(self._administration, method)
        try:
            with as_identity_user(self._settings):
                return self._runner.run(work(actor=_actor(), **arguments))
        except Unavailable as problem:
            raise AdministrationError("unavailable", str(problem), "try again") from problem


@contextmanager
def open_offline_administration(settings: Settings) -> Iterator[OfflineAdministration]:
    """Raises: AdministrationError where the key file or the database can't be used, or identity runs."""
    hasher = Argon2Hasher()
    with asyncio.Runner() as runner:
        try:
            with as_identity_user(settings):
                opened = runner.run(open_all(settings, offline=True))
        except KeyFileError as error:
            raise AdministrationError("unavailable", str(error), error.remedy) from error
        except OwnedElsewhere as problem:
            raise DatabaseOwned(
                "unavailable",
                str(problem),
                "identity starts or stops, or another command is at work: try again",
            ) from problem
        except Unavailable as problem:
            remedy = (
                getattr(problem, "remedy", "") or "is the database there, and this user allowed to open it?"
            )
            raise AdministrationError("unavailable", str(problem), remedy) from problem
        try:
            yield OfflineAdministration(settings, runner, build_administration(settings, opened, hasher))
        finally:
            with as_identity_user(settings):
                runner.run(opened.close())
            hasher.close()


def _actor() -> str:
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "-"
    return f"uid:{uid}({name})"
