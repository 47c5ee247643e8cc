"""How a command reaches the records: through identity while it runs, else on the database itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from handfast.cli.exits import CommandFailed, Exit
from handfast.settings.load import load_settings
from handfast.settings.model import Settings

PATIENCE_SECONDS = 5.0
"""How long a command waits for whoever owns the records: identity on its way up or down, another command."""
RETRY_SECONDS = 0.1
PAGE = 1000
"""Records that a long listing asks for at once: between two pages identity goes on with other work."""


class AdministrationCalls(Protocol):
    """Whoever carries out administrative work: identity behind its socket, or this process itself."""

    def call(self, method: str, **arguments: Any) -> Any:
        """Raises: AdministrationError."""
        ...


@contextmanager
def open_administration(settings: Settings) -> Iterator[AdministrationCalls]:
    """The administration of this installation.

    While identity runs, its admin socket; otherwise the database under an exclusive lock, which identity and
    other commands wait for. Raises: CommandFailed, AdministrationError.
    """
    if settings.gateway.identity is not None:
        raise CommandFailed(
            Exit.UNAVAILABLE,
            "this node is a gateway; the records are kept where identity runs",
            f"run the command there ({settings.gateway.identity.url})",
        )
    with ExitStack() as stack:
        yield _reach(settings, settings.identity.runtime_dir / "admin.sock", stack)


def _reach(settings: Settings, admin_socket: Path, stack: ExitStack) -> AdministrationCalls:
    """Identity's socket or the database, whichever comes first: while identity starts it has one and not the other."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not identity_listens(admin_socket):
        from handfast import app  # noqa: PLC0415 - the composition root is heavy; most commands talk to a socket
        from handfast.identity.administration.errors import DatabaseOwned  # noqa: PLC0415 - as above

        try:
            return stack.enter_context(app.open_offline_administration(settings))
        except DatabaseOwned:
            if time.monotonic() > ends:
                raise
        time.sleep(RETRY_SECONDS)
    from handfast.identity_api.admin_client import AdminClient  # noqa: PLC0415 - loaded only when needed

    return AdminClient(admin_socket)


def identity_listens(admin_socket: Path) -> bool:
    """True where something accepts on the admin socket; a socket file without a listener is a leftover.

    Raises: CommandFailed, where this user may not use it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(admin_socket))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        except PermissionError:
            raise CommandFailed(
                Exit.REFUSED,
                f"{admin_socket}: you may not administer this installation",
                "run as root, as the service's user, or as a member of `identity.admin_group`",
            ) from None
        except OSError as error:
            raise CommandFailed(
                Exit.UNAVAILABLE,
                f"{admin_socket}: {error.strerror or error}",
                "see the service's log; is it overloaded?",
            ) from None
    return True


def service_listens(settings_file: Path | None) -> bool:
    """Whether there is a service that what an administrator does takes effect in."""
    settings = load_settings(settings_file).settings
    return identity_listens(settings.identity.runtime_dir / "admin.sock")


def administer(settings_file: Path | None, method: str, **arguments: Any) -> Any:
    """One call on the installation that the settings file describes."""
    settings = load_settings(settings_file).settings
    with open_administration(settings) as administration:
        return administration.call(method, **arguments)


def in_pages(
    call: Callable[..., Any], method: str, key: str, *, after: int = 0, **arguments: Any
) -> Iterator[Any]:
    """The pages of a listing, each asked for behind the last one's last `key`.

    With `call` as `administer`, nobody is kept from the records while somebody looks at a page. Raises: as `call`.
    """
    while True:
        page = call(method, after=after, limit=PAGE, **arguments)
        yield page
        if len(page) < PAGE:
            return
        after = page[-1][key]
