"""Listening sockets, opened once by the supervisor and handed down, so that no restart of a worker drops a client."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

BACKLOG = 4096
"""Connections the kernel keeps while every worker is busy (bounded by net.core.somaxconn)."""


class ListenError(OSError):
    """An address can't be listened on; `str()` says which, why, and what to do."""

    def __str__(self) -> str:
        """Without the number that an OSError puts before its words."""
        return self.strerror or ""


def parse_address(text: str) -> tuple[str, int]:
    """Splits "IP:port" or "[IPv6]:port".

    Raises:
        ValueError: it is neither.
    """
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"not an address of the form IP:port: {text!r}")
    return host, int(port)


def open_listener(name: str, address: str) -> socket.socket:
    """A bound, listening, non-blocking socket.

    Raises:
        ListenError: the port is in use, needs a privilege, or the address is not this machine's.
    """
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ListenError(error.errno, _explain(name, address, error)) from error
    return listener


def _explain(name: str, address: str, error: OSError) -> str:
    remedies = {
        errno.EADDRINUSE: "something listens there already; stop it or choose another address (`ss -ltnp` shows it)",
        errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit of `handfast init` gives it)",
        errno.EADDRNOTAVAIL: "this machine has no such address (`ip address` lists them)",
    }
    remedy = remedies.get(error.errno or 0, error.strerror or "it can't be opened")
    return f"listener {name!r} can't listen on {address}: {remedy}"


def open_listeners(addresses: Iterable[tuple[str, str]]) -> dict[str, socket.socket]:
    """Opens all of (name, address), or none.

    Raises:
        ListenError: as `open_listener`; what was opened before is closed again.
    """
    opened: dict[str, socket.socket] = {}
    try:
        for name, address in addresses:
            opened[name] = open_listener(name, address)
    except OSError:
        for listener in opened.values():
            listener.close()
        raise
    return opened


def refuse_connections(listeners: Iterable[socket.socket]) -> None:
    """Nobody new gets in, in whichever process the sockets are held; what was accepted is not touched.

    Closing our copy would not do: as long as a worker holds one, the kernel would let clients connect and wait.
    """
    for listener in listeners:
        with contextlib.suppress(OSError):  # only Linux can do it; elsewhere they wait until we end
            listener.shutdown(socket.SHUT_RD)
