"""Two network namespaces as two machines: a LAN and a DMZ, joined by links of their own; removed at the end, always.

A link stands for one path through the firewall between them: `cut` drops every packet on it, as a broken cable would,
without telling either end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.processes import find_program

CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Link:
    """One pair of interfaces, with the address of each end."""

    lan_interface: str
    dmz_interface: str
    lan_address: str
    dmz_address: str


@dataclass
class Network:
    """The two namespaces. Sockets are made in one within `inside`."""

    lan: str
    dmz: str
    links: dict[str, Link] = field(default_factory=dict)

    def cut(self, name: str) -> None:
        """No packet passes this link any more."""
        _ip("-n", self.lan, "link", "set", self.links[name].lan_interface, "down")

    def heal(self, name: str) -> None:
        """Packets pass again."""
        _ip("-n", self.lan, "link", "set", self.links[name].lan_interface, "up")


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Sockets this thread makes, and threads and programs it starts, belong to that namespace meanwhile; "" changes
    nothing.
    """
    if not namespace:
        yield
        return
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _enter(Path("/run/netns") / namespace)
        yield
    finally:
        _set_namespace(own)
        os.close(own)


@contextlib.contextmanager
def two_machines(*links: str) -> Iterator[Network]:
    """A LAN and a DMZ with the links named. Root only."""
    mark = secrets.token_hex(3)
    network = Network(lan=f"hf-{mark}-lan", dmz=f"hf-{mark}-dmz")
    try:
        for namespace in (network.lan, network.dmz):
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        for number, name in enumerate(links):
            network.links[name] = _join(network, mark, number)
        yield network
    finally:
        for namespace in (network.lan, network.dmz):
            # Its interfaces go with it. Nobody else's namespace can have our name.
            subprocess.run([find_program("ip"), "netns", "del", namespace], check=False, capture_output=True)


def _join(network: Network, mark: str, number: int) -> Link:
    link = Link(
        f"l{mark}{number}", f"d{mark}{number}", f"192.0.2.{4 * number + 1}", f"192.0.2.{4 * number + 2}"
    )
    _ip(
        *("link", "add", link.lan_interface, "netns", network.lan, "type", "veth"),
        *("peer", "name", link.dmz_interface, "netns", network.dmz),
    )
    ends = (
        (network.lan, link.lan_interface, link.lan_address),
        (network.dmz, link.dmz_interface, link.dmz_address),
    )
    for namespace, interface, address in ends:
        _ip("-n", namespace, "address", "add", f"{address}/30", "dev", interface)
        _ip("-n", namespace, "link", "set", interface, "up")
    return link


def _ip(*words: str) -> None:
    done = subprocess.run([find_program("ip"), *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _enter(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _set_namespace(descriptor)
    finally:
        os.close(descriptor)


def _set_namespace(descriptor: int) -> None:
    """setns(2), which Python knows from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
