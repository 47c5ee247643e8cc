"""From settings to a directory that can be asked; nothing is connected to yet."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from handfast.directory.active_directory import ActiveDirectory
from handfast.directory.controllers import Controller, Controllers
from handfast.directory.own_account import OwnAccount, RefusalRecord, load_password
from handfast.directory.scope import Scope
from handfast.directory.session import Address
from handfast.directory.tls import build_context
from handfast.identity.ports import Unavailable
from handfast.settings.directory import DirectorySettings, DomainControllerSettings


class DirectorySetupError(Exception):
    """The directory can't be opened as it is set up. `str()` says what is wrong and what to do, and never holds a password."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"directory: {problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy


def _now() -> datetime:
    return datetime.now(UTC)


def open_directory(
    settings: DirectorySettings,
    *,
    clock: Callable[[], datetime] = _now,
    refusals: RefusalRecord | None = None,
) -> ActiveDirectory:
    """For the domain of these settings; `close()` ends it. Raises: DirectorySetupError."""
    account = open_account(settings, refusals)
    readers, passwords = open_controllers(settings), open_controllers(settings)
    scope = build_scope(settings)
    return ActiveDirectory(Controllers(readers, account), Controllers(passwords, account), scope, clock)


def build_scope(settings: DirectorySettings) -> Scope:
    """What the settings want mirrored."""
    return Scope(settings.base, settings.account_filter)


def check_setup(settings: DirectorySettings) -> None:
    """Whether `open_directory` would take these settings; nothing is kept of it. Raises: DirectorySetupError."""
    open_account(settings)
    _open_context(settings)


def open_controllers(settings: DirectorySettings) -> list[Controller]:
    """In order of preference; none is connected to yet. Raises: DirectorySetupError."""
    context = _open_context(settings)
    return [Controller(_address(one), context, settings.timeout_seconds) for one in settings.servers]


def _open_context(settings: DirectorySettings) -> ssl.SSLContext:
    """The CAs the controllers' certificates must come from. Raises: DirectorySetupError."""
    try:
        return build_context(settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise DirectorySetupError(
            f"ca_file {settings.ca_file}: {said}",
            "it must be a PEM file with the CA of the domain controllers",
        ) from None


def open_account(
    settings: DirectorySettings, refusals: RefusalRecord | None = None, *, insists: bool = False
) -> OwnAccount:
    """The account to read with. Raises: DirectorySetupError."""
    remedy = "`handfast directory init` asks for what is needed and writes it"
    if not settings.servers:
        raise DirectorySetupError("no [[directory.server]]", remedy)
    if not settings.bind_user or settings.bind_password_file is None:
        raise DirectorySetupError("bind_user or bind_password_file is missing", remedy)
    try:
        load_password(settings.bind_password_file)
    except Unavailable as problem:
        raise DirectorySetupError(str(problem), remedy) from None
    return OwnAccount(settings.bind_user, settings.bind_password_file, refusals, insists=insists)


def _address(server: DomainControllerSettings) -> Address:
    return Address(name=server.name, host=server.address or server.name, port=server.port)
