"""The directory that the settings name now: what holds it need not know that a reload has put another in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, DomainLockout
from handfast.identity.directory.ports import Directory, PasswordVerdict
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, DirectoryGroup
from handfast.observability.logging import event_log
from handfast.settings.directory import DirectorySettings

_LOG = event_log("directory")


class ClosableDirectory(Directory, Protocol):
    """A directory with connections of its own."""

    async def close(self) -> None: ...


OpenDirectory = Callable[[DirectorySettings], ClosableDirectory]
"""Makes the directory of a section with servers, and connects to none of them yet."""


class CurrentDirectory:
    """Fits `identity.directory.ports.Directory`; without servers in the settings every call raises `Unavailable`."""

    def __init__(self, settings: DirectorySettings, open_directory: OpenDirectory) -> None:
        """Raises: as `open_directory`."""
        self._open = open_directory
        self._directory = open_directory(settings) if settings.servers else None

    @property
    def is_named(self) -> bool:
        """True where the settings name servers."""
        return self._directory is not None

    async def replace(self, settings: DirectorySettings) -> None:
        """Raises: as `open_directory`; then the one before stays."""
        before, self._directory = self._directory, self._open(settings) if settings.servers else None
        if before is not None:
            try:
                await before.close()
            except Exception as error:  # noqa: BLE001 - the new one is in force, whatever becomes of the old one
                _LOG.warning("directory-not-closed", error=repr(error))

    async def close(self) -> None:
        """Closes its connections."""
        if self._directory is not None:
            await self._directory.close()

    def changes(self, positions: dict[str, int]) -> AsyncIterator[ChangeBatch]:
        """As the port."""
        return self._current().changes(positions)

    async def find_group(self, name: str) -> DirectoryGroup | None:
        """As the port."""
        return await self._current().find_group(name)

    async def find(self, name: str) -> DirectoryAccount | None:
        """As the port."""
        return await self._current().find(name)

    async def lockout(self, account: Account) -> DomainLockout:
        """As the port."""
        return await self._current().lockout(account)

    async def look(self) -> None:
        """As the port."""
        await self._current().look()

    async def check_password(self, account: Account, secret: str) -> PasswordVerdict:
        """As the port."""
        return await self._current().check_password(account, secret)

    def _current(self) -> ClosableDirectory:
        if self._directory is None:
            raise Unavailable("no domain controller is named in the settings")
        return self._directory
