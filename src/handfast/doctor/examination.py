"""The whole examination, in the order in which things depend on each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from handfast.doctor import probes
from handfast.doctor.backends import check_backend
from handfast.doctor.certificates import check_certificate, check_names, dns_names, load_chain
from handfast.doctor.findings import Finding, FindingId, error, warning
from handfast.doctor.identity_link import LinkTools, examine_links
from handfast.doctor.machine import (
    FileRights,
    ServiceUser,
    check_admin_group,
    check_clock,
    check_disk,
    check_dns,
    check_key_file_rights,
    check_owner,
    check_port,
    check_worker_user,
)
from handfast.settings.gateway import ListenerSettings
from handfast.settings.load import Loaded
from handfast.settings.model import Settings

MAX_PROBES = 8
"""Back ends looked at side by side, so that one dead network does not make the doctor take minutes."""


class NamedSubjectRow(TypedDict):
    """What is used of a row of `policy_names`."""

    kind: str
    is_amiss: bool
    is_error: bool
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Outside:
    """What only other adapters can tell. What returns text returns why it failed, or None where all is well.

    `load_keys` reads the key file; `match_keys` compares it with the database; `ask_identity` calls the admin socket;
    `open_records` asks for something that is read from the database, by whatever way there is.
    `check_directory` gives what is wrong with the directory and with Kerberos, where they are set up.
    `link` is what the node PKI's code does for the doctor.
    `is_running` says whether the service runs, whose own ports are then no finding.
    """

    load_keys: Callable[[Path], str | None]
    match_keys: Callable[[], str | None]
    ask_identity: Callable[[], str | None]
    open_records: Callable[[], str | None]
    check_directory: Callable[[], Sequence[Finding]]
    link: LinkTools
    is_running: bool = False
    named_subjects: Callable[[], Sequence[NamedSubjectRow]] = tuple
    """The groups and accounts that access rules and roles name, as identity's `policy_names` tells of them."""
    service_user: ServiceUser | None = None
    """None for root, and where nobody can tell."""


def examine(loaded: Loaded, outside: Outside, now: datetime | None = None) -> list[Finding]:
    """All findings of an installation, in order. `now` is for tests."""
    at = now or datetime.now(UTC)
    settings = loaded.settings
    found = [
        warning(FindingId.SETTINGS_WARNING, f"{one.path}: {one.problem}", one.remedy)
        for one in loaded.warnings
    ]
    found += _listeners(settings, outside, at)
    if settings.gateway.identity is None:
        found += _records(settings, outside)
        found += _admin_group(loaded, outside.service_user)
        found += outside.check_directory()
    found += examine_links(settings, outside.link, at)
    found += _workers(settings)
    found += _backends(settings, at if now else None)
    for host in sorted({host for one in settings.publications for host in one.hosts}):
        found += check_dns(host, probes.dns_problem(host))
    return found


def _listeners(settings: Settings, outside: Outside, now: datetime) -> Iterator[Finding]:
    trusted = probes.trusted_subjects()
    for listener in settings.listeners:
        names: list[str] = []
        for certificate, key in pairs_of(listener):
            where = f"listener {listener.name}, {certificate}"
            try:
                pem, key_pem = certificate.read_bytes(), key.read_bytes()
            except OSError as problem:
                said = f"{problem.filename}: {problem.strerror}"
                yield error(
                    FindingId.CERTIFICATE_UNREADABLE, said, "correct the path, or run the doctor as root"
                )
                continue
            yield from check_certificate(where, pem, key_pem, now=now, trusted=trusted)
            names += _names_in(pem)
        if listener.certificate is not None:
            yield from check_names(listener.name, names, _hosts_on(settings, listener.name))
        if not outside.is_running:
            yield from check_port(listener.name, listener.address, probes.bind_problem(listener.address))


def pairs_of(listener: ListenerSettings) -> list[tuple[Path, Path]]:
    """All (certificate, key) pairs of a listener."""
    own = [(listener.certificate, listener.key)] if listener.certificate and listener.key else []
    return [*own, *listener.more_certificates]


def _names_in(pem: bytes) -> tuple[str, ...]:
    try:
        return dns_names(load_chain(pem)[0])
    except ValueError:
        return ()


def _hosts_on(settings: Settings, listener: str) -> list[str]:
    shown = [one for one in settings.publications if not one.listeners or listener in one.listeners]
    return [host for one in shown for host in one.hosts]


def _records(settings: Settings, outside: Outside) -> Iterator[Finding]:
    identity = settings.identity
    key_file = list(_key_file(identity.key_file, outside))
    yield from key_file
    database = sqlite_path(settings)
    if database is not None:
        yield from _database_file(database, outside.service_user)
    unreachable = outside.ask_identity()
    if unreachable is not None:
        remedy = "start the service (systemctl start handfast) and look at its log"
        yield error(FindingId.IDENTITY_UNREACHABLE, f"identity does not answer: {unreachable}", remedy)
    if not key_file:
        yield from _database(outside)
    yield from _named_subjects(outside)


def _database_file(path: Path, service: ServiceUser | None) -> Iterator[Finding]:
    others = []
    if service is not None:
        others = probes.owned_by_others(path, service.uid)
        yield from check_owner(service.name, others)
    if (seen := probes.disk(path)) is not None:
        free, is_writable = seen
        yield from check_disk(path, free, is_writable=is_writable or bool(others))


def _admin_group(loaded: Loaded, service: ServiceUser | None) -> Iterator[Finding]:
    if group := loaded.settings.identity.admin_group:
        yield from check_admin_group(
            group, probes.find_group(group), service, probes.file_rights(loaded.path)
        )


def _named_subjects(outside: Outside) -> Iterator[Finding]:
    """Names of nobody: an error where that is sure to let somebody in."""
    for row in outside.named_subjects():
        if row["is_amiss"]:
            found = FindingId.ACCESS_GROUP if row["kind"] == "group" else FindingId.ACCESS_ACCOUNT
            yield (error if row["is_error"] else warning)(found, row["what"], row["remedy"])


def _key_file(path: Path, outside: Outside) -> Iterator[Finding]:
    """The first thing that is wrong with it: a file that others may use is refused for that alone."""
    found = list(check_key_file_rights(probes.file_rights(path), path))
    problem = outside.load_keys(path) if not found else None
    yield from found
    # Who may not read it, as members of `identity.admin_group`, sees by a running identity that it is good.
    if problem is not None and (os.access(path, os.R_OK) or not outside.is_running):
        yield error(FindingId.KEY_FILE_UNUSABLE, problem, "restore the key file from your backup")


def _database(outside: Outside) -> Iterator[Finding]:
    """Whether the database opens, and with this key file."""
    unusable = outside.open_records()
    if unusable is not None:
        remedy = "is its server running, its disk not full, its file the service user's?"
        yield error(FindingId.DATABASE_UNUSABLE, f"the database can't be used: {unusable}", remedy)
    elif (mismatch := outside.match_keys()) is not None:
        remedy = "restore the key file that belongs to this database"
        yield error(
            FindingId.KEY_FILE_OTHER_DATABASE, f"key file and database do not match: {mismatch}", remedy
        )


def sqlite_path(settings: Settings) -> Path | None:
    """Where the SQLite database lies; None for another kind."""
    parts = urlsplit(settings.identity.database)
    return Path(parts.path[1:]) if parts.scheme == "sqlite" else None


def _workers(settings: Settings) -> Iterator[Finding]:
    user = settings.gateway.user
    if not user:
        if settings.gateway.identity is None and settings.listeners:
            remedy = "set gateway.user to a user of its own; `handfast init` makes one"
            yield warning(
                FindingId.WORKER_USER_NOT_SET, "gateway workers run as the user that reads the keys", remedy
            )
        return
    known = probes.find_user(user)
    if known is None:
        yield error(
            FindingId.WORKER_USER,
            f"gateway.user: this machine has no user {user}",
            f"useradd --system {user}",
        )
        return
    database = sqlite_path(settings)
    secret = _rights([settings.identity.key_file, *([database] if database else [])])
    yield from check_worker_user(known, secret, _rights(_served_with(settings)))


def _served_with(settings: Settings) -> list[Path]:
    """What every worker reads for itself, after it has become `gateway.user`."""
    link = settings.gateway.identity
    pairs = [pair for one in settings.listeners for pair in pairs_of(one)]
    own = [link.certificate, link.key, link.ca_file] if link is not None else []
    return [*(file for pair in pairs for file in pair), *own]


def _rights(paths: list[Path]) -> list[FileRights]:
    return [rights for one in paths if (rights := probes.file_rights(one)) is not None]


def _backends(settings: Settings, now: datetime | None) -> Iterator[Finding]:
    targets = [(one, url) for one in settings.publications for url in one.backend.urls]
    with ThreadPoolExecutor(max_workers=MAX_PROBES) as pool:
        sights = list(
            pool.map(lambda pair: probes.look_at_backend(pair[1], pair[0].backend, pair[0].hosts[0]), targets)
        )
    for (publication, _), sight in zip(targets, sights, strict=True):
        yield from check_backend(publication.name, sight)
        if sight.date is not None and sight.at is not None:
            yield from check_clock(now or sight.at, [(sight.url, sight.date)])
