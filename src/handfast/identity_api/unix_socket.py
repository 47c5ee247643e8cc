"""Listening Unix sockets with the right mode from their first moment, and who is at the other end."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

MAX_PATH_BYTES = 107
"""`sun_path` has 108 bytes with its terminating zero (unix(7))."""


class SocketRefused(OSError):
    """The system doesn't let us have the socket; `str()` says which, `remedy` what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class UnixPeer:
    """SO_PEERCRED: who connected, as the kernel knows it (unix(7))."""

    pid: int
    uid: int
    gid: int


def listen_unix(
    path: Path, *, mode: int, owner: int | None = None, group: int | None = None
) -> socket.socket:
    """A listening socket at `path`, which replaces a dead one. Raises: OSError, also where somebody listens there."""
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise OSError(
            f"socket path {path} is longer than {MAX_PATH_BYTES} bytes: choose a shorter runtime_dir"
        )
    _remove_dead(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Created shut, opened once owner and group are right: nobody slips in between.
        before = os.umask(0o777)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        try:
            _open_to(path, mode, owner, group)
            listener.listen(512)
        except BaseException:
            path.unlink()
            raise
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def unix_peer(connection: object) -> UnixPeer | None:
    """Who is at the other end of a Unix socket, None where the transport can't tell (already gone)."""
    getsockopt = getattr(connection, "getsockopt", None)
    if getsockopt is None:
        return None
    try:
        raw = getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    return UnixPeer(*struct.unpack("3i", raw))


def _open_to(path: Path, mode: int, owner: int | None, group: int | None) -> None:
    """Raises: SocketRefused, OSError."""
    try:
        os.chown(path, -1 if owner is None else owner, -1 if group is None else group)
    except PermissionError:
        if group is None:
            raise
        name, us = _group_name(group), _user_name(os.geteuid())
        raise SocketRefused(
            f"{path} can't be given to the group {name}: its own user {us} is not in it",
            f"usermod --append --groups {name} {us}, then restart the service",
        ) from None
    path.chmod(mode)


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _remove_dead(path: Path) -> None:
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except PermissionError:
            status = path.stat()
            if status.st_uid == os.geteuid() and not status.st_mode & 0o777:
                path.unlink()  # its maker ended before it was opened
                return
            raise SocketRefused(
                f"{path} is another user's", f"stop whoever listens there, then: rm {path}"
            ) from None
    raise OSError(f"somebody listens on {path} already: is identity running?")
