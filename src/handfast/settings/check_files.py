"""Whether the files that settings name exist and can be read by whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handfast.settings.gateway import IdentityLink
from handfast.settings.identity import IdentityListen
from handfast.settings.model import Settings
from handfast.settings.problems import Problem, shown


def check_files(settings: Settings) -> list[Problem]:
    """A problem for every named file that isn't there or can't be read. The key file is looked for, not opened."""
    problems = [problem for path, file in named_files(settings) for problem in _unreadable(path, file)]
    key_file = settings.identity.key_file
    if settings.gateway.identity is None and not is_there(key_file):
        problems.append(
            Problem(
                "identity.key_file",
                shown(str(key_file)),
                "does not exist, or its folder can't be entered",
                "`handfast init` makes it; run as root or as the service's user",
            )
        )
    return problems


def named_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """(path in the settings, file) of every file that is read at start."""
    named = (
        *_of_listeners(settings),
        *_of_publications(settings),
        *_of_links(settings),
        *_of_identity(settings),
    )
    return ((path, file) for path, file in named if file is not None)


def identity_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """(path in the settings, file) of every file that identity itself reads."""
    named = (
        *_of_link("identity.listen", settings.identity.listen),
        *_of_identity(settings),
        ("identity.key_file", settings.identity.key_file),
    )
    return ((path, file) for path, file in named if file is not None)


_Named = Iterator[tuple[str, Path | None]]


def _of_listeners(settings: Settings) -> _Named:
    for index, one in enumerate(settings.listeners):
        yield f"listener[{index}].certificate", one.certificate
        yield f"listener[{index}].key", one.key
        for place, (certificate, key) in enumerate(one.more_certificates):
            yield f"listener[{index}].more_certificates[{place}][0]", certificate
            yield f"listener[{index}].more_certificates[{place}][1]", key


def _of_publications(settings: Settings) -> _Named:
    for index, publication in enumerate(settings.publications):
        yield f"publication[{index}].backend.ca_file", publication.backend.ca_file


def _of_links(settings: Settings) -> _Named:
    yield from _of_link("gateway.identity", settings.gateway.identity)
    yield from _of_link("identity.listen", settings.identity.listen)


def _of_link(table: str, link: IdentityLink | IdentityListen | None) -> _Named:
    if link is not None:
        yield f"{table}.certificate", link.certificate
        yield f"{table}.key", link.key
        yield f"{table}.ca_file", link.ca_file


def _of_identity(settings: Settings) -> _Named:
    yield "identity.database_password_file", settings.identity.database_password_file
    yield "directory.ca_file", settings.directory.ca_file
    yield "directory.bind_password_file", settings.directory.bind_password_file
    yield "kerberos.keytab", settings.kerberos.keytab
    yield "kerberos.krb5_conf", settings.kerberos.krb5_conf


def is_there(file: Path) -> bool:
    """Whether it is a file, as far as whoever asks can tell."""
    try:
        return file.is_file()
    except OSError:
        return False


def _unreadable(path: str, file: Path) -> Iterator[Problem]:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except FileNotFoundError:
        yield Problem(path, shown(str(file)), "does not exist", "put the file there, or correct the path")
    except PermissionError:
        remedy = "let the service's user read it, or run this as root"
        yield Problem(path, shown(str(file)), "can't be read", remedy)
    except OSError as error:
        yield Problem(path, shown(str(file)), error.strerror or "can't be read", "name a readable file")
