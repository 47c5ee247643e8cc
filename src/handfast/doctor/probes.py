"""Everything the doctor asks the outside: files, sockets, names. Each probe has a deadline and reads little.

A probe connects to what the settings name and to nothing else: it follows no redirect and takes no address from an answer.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from handfast.doctor.backends import BackendSight
from handfast.doctor.machine import FileRights, WorkerUser
from handfast.settings.publication import BackendSettings
from handfast.settings.values import split_address

ANSWER_SECONDS = 10.0
"""An OPTIONS is answered at once by a server that is well."""
MAX_HEAD_BYTES = 64 * 1024
DATABASE_SUFFIXES = ("", "-wal", "-shm", ".lock", ".checkpoints")
"""What stands beside a SQLite database, by the end of its name."""


def file_rights(path: Path) -> FileRights | None:
    """Rights of a file and the folders above it; None where it is not there or can't be looked at."""
    try:
        parts = [path, *path.resolve().parents]
        stats = [one.stat() for one in parts]
    except OSError:
        return None
    return FileRights(path, tuple((one.st_uid, one.st_gid, one.st_mode) for one in stats))


def find_user(name: str) -> WorkerUser | None:
    """The user of that name with its own group and no other, or None where there is no such user."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return WorkerUser(name, entry.pw_uid, group_name(entry.pw_gid), frozenset({entry.pw_gid}))


def group_name(gid: int) -> str:
    """The group's name, or its number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def find_group(group: str) -> int | None:
    """The group's number; None where this machine doesn't know it."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def owned_by_others(path: Path, uid: int) -> list[Path]:
    """Those of a database's files that another user than `uid` has. Whoever may not enter the folder sees none."""
    found: list[Path] = []
    with suppress(OSError):
        for one in (path.with_name(path.name + suffix) for suffix in DATABASE_SUFFIXES):
            with suppress(FileNotFoundError):
                found += [one] if one.lstat().st_uid != uid else []
    return found


def disk(path: Path) -> tuple[int, bool] | None:
    """(free bytes, may be written by this user) where a database lies or will lie; None where this user may not look."""
    place = path
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
    except PermissionError:
        return None
    is_writable = os.access(place, os.W_OK) and os.access(path.parent if path.exists() else place, os.W_OK)
    return shutil.disk_usage(place).free, is_writable


def bind_problem(address: str) -> str | None:
    """Why the address can't be listened on, or None. Port 0 is always free."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((host, port))
            # With SO_REUSEADDR only `listen` tells that somebody listens there already.
            probe.listen(1)
        except PermissionError:
            return None  # a low port and no root: systemd gives the service that right
        except OSError as problem:
            return problem.strerror or str(problem)
    return None


def serves_health(address: str) -> bool:
    """Whether `/healthz` answers there, well or not: then a gateway of ours runs."""
    try:
        with socket.create_connection(split_address(address), ANSWER_SECONDS) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            head = read_head(connection, time.monotonic() + ANSWER_SECONDS)
    except OSError:
        return False
    return parse_head(head)[0] in {200, 503}


def dns_problem(host: str) -> str | None:
    """Why a name has no address, or None."""
    try:
        socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        return getattr(problem, "strerror", None) or str(problem)
    return None


def trusted_subjects() -> frozenset[bytes]:
    """Subjects (DER) of the CAs this machine trusts; empty where it has none."""
    subjects: set[bytes] = set()
    with warnings.catch_warnings():
        # Some old roots break RFC 5280 in ways nobody can mend; a root we can't read vouches for nobody.
        warnings.simplefilter("ignore")
        for certificate in ssl.create_default_context().get_ca_certs(binary_form=True):
            with suppress(ValueError):
                subjects.add(x509.load_der_x509_certificate(certificate).subject.public_bytes())
    return frozenset(subjects)


class BackendTrouble(Exception):
    """A back end that can't be talked to: how far it came (as `BackendSight.failed_at`), and why no further."""

    def __init__(self, failed_at: str, problem: str, fingerprint: str = "") -> None:
        super().__init__(problem)
        self.failed_at = failed_at
        self.problem = problem
        self.fingerprint = fingerprint


@contextmanager
def open_backend(url: str, backend: BackendSettings) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection to a back end, verified as the gateway verifies it, and its certificate (DER, b"" without TLS).

    Raises: BackendTrouble.
    """
    parts = urlsplit(url)
    server = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connection = socket.create_connection((server, port), backend.connect_timeout_seconds)
    except socket.gaierror as problem:
        raise BackendTrouble("name", problem.strerror or str(problem)) from problem
    except OSError as problem:
        raise BackendTrouble("connect", problem.strerror or str(problem)) from problem
    with connection:
        if parts.scheme == "http":
            yield connection, b""
            return
        with _secure(connection, backend, server) as secured:
            certificate = secured.getpeercert(binary_form=True) or b""
            shown = hashlib.sha256(certificate).hexdigest()
            if backend.verify == "pin-sha256" and shown not in backend.pin_sha256:
                raise BackendTrouble("pin", "another fingerprint", shown)
            yield secured, certificate


def look_at_backend(url: str, backend: BackendSettings, host: str) -> BackendSight:
    """Sends one OPTIONS to a back end, verified as the gateway verifies it; `host` is a published name."""
    deadline = time.monotonic() + backend.connect_timeout_seconds + ANSWER_SECONDS
    try:
        with open_backend(url, backend) as (connection, certificate):
            shown = hashlib.sha256(certificate).hexdigest() if certificate else ""
            return _ask(url, connection, backend, host, deadline, shown)
    except BackendTrouble as trouble:
        return BackendSight(url, trouble.failed_at, trouble.problem, fingerprint=trouble.fingerprint)


def _secure(connection: socket.socket, backend: BackendSettings, server: str) -> ssl.SSLSocket:
    try:
        return _context(backend).wrap_socket(connection, server_hostname=backend.server_name or server)
    except ssl.SSLCertVerificationError as problem:
        raise BackendTrouble("tls", problem.verify_message) from problem
    except OSError as problem:  # ssl.SSLError is one, and so is a CA file that can't be read
        raise BackendTrouble("tls", problem.strerror or str(problem)) from problem


def _context(backend: BackendSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(backend.ca_file) if backend.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if backend.verify == "pin-sha256":
        # The fingerprint says more than a CA could; nothing is sent before it was compared.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _ask(
    url: str,
    connection: socket.socket,
    backend: BackendSettings,
    host: str,
    deadline: float,
    fingerprint: str = "",
) -> BackendSight:
    path = backend.path or "/Microsoft-Server-ActiveSync"
    name = backend.host or host
    request = (
        f"OPTIONS {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: handfast-doctor\r\nConnection: close\r\n\r\n"
    )
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(request.encode("ascii"))
        head = read_head(connection, deadline)
    except OSError as problem:
        return BackendSight(
            url, "answer", problem.strerror or str(problem) or "silent", fingerprint=fingerprint
        )
    status, date = parse_head(head)
    if not status:
        return BackendSight(url, "answer", f"it says {head[:40]!r}", fingerprint=fingerprint)
    return BackendSight(url, status=status, date=date, at=datetime.now(UTC), fingerprint=fingerprint)


def read_head(connection: socket.socket, deadline: float) -> bytes:
    """The head of an answer, or what came of it; `deadline` is monotonic. Raises: OSError, TimeoutError."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MAX_HEAD_BYTES:
        # One deadline for the whole head: a server that drips bytes must not hold the doctor.
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        more = connection.recv(8192)
        if not more:
            break
        head += more
    return head


def parse_head(head: bytes) -> tuple[int, datetime | None]:
    """(status, Date) of an answer's head; status 0 where it is no HTTP."""
    first, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit() or len(rest[:3]) != 3:
        return 0, None
    date = None
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "date":
            with suppress(ValueError, TypeError, OverflowError):
                date = parsedate_to_datetime(value.strip())
    if date is not None and date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return int(rest[:3]), date
