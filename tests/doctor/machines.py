"""A machine within the machine: a mount namespace whose /etc or disk a test may change, and nobody else sees it."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from tests.servers.processes import find_program, stop_process

NAME_SERVER = f"127.53.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
"""An address of this run: port 53 of another may be in use by a run beside it."""
OWN_ETC = 'cp -a /etc "$1"; mount --bind "$1" /etc'
OWN_NAMES = (
    f"{OWN_ETC}; rm -f /etc/resolv.conf; echo 'nameserver {NAME_SERVER}' > /etc/resolv.conf; "
    "sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf"
)
"""As `OWN_ETC`, and only the test's name server is asked."""
SMALL_DISK = 'mkdir -p "$1"; mount -t tmpfs -o "size=$2" tmpfs "$1"'


@dataclass(frozen=True)
class Machine:
    """`words` before a command make it run there."""

    words: tuple[str, ...]

    def run(self, script: str) -> None:
        """A few shell commands there; each must succeed."""
        done = subprocess.run(
            [*self.words, "sh", "-ec", script], check=False, capture_output=True, timeout=60, text=True
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"


@contextlib.contextmanager
def machine(mounts: str, *arguments: str) -> Iterator[Machine]:
    """Runs a shell with the mounts made; commands enter its namespace. Without root in a user namespace of its own."""
    own, join = ("", "") if os.geteuid() == 0 else ("--map-root-user", "--user")
    unshare = [find_program("unshare"), *filter(None, [own]), "--mount"]
    process = subprocess.Popen(
        [*unshare, "sh", "-ec", f"{mounts}; echo made; exec sleep 600", "sh", *arguments],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n", "the mounts could not be made"
        enter = [find_program("nsenter"), "--target", str(process.pid), "--mount"]
        yield Machine((*enter, *([join, "--preserve-credentials"] if join else []), "--"))
    finally:
        stop_process(process)
        process.stdout.close()


class NameServer:
    """A DNS server for one address; it knows a name once that is published (RFC 1035 4.1). Needs root: port 53."""

    def __init__(self) -> None:
        self.published: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((NAME_SERVER, 53))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            query, peer = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), peer)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        question = query[12 : at + 5]
        is_known = ".".join(labels) in self.published
        has_answer = is_known and question[-4:-2] == b"\0\1"
        flags = b"\x81\x80" if is_known else b"\x81\x83"  # 3 at the end: there is no such name
        head = query[:2] + flags + b"\0\1" + (b"\0\1" if has_answer else b"\0\0") + b"\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("127.0.0.1")
        return head + question + (record if has_answer else b"")

    def close(self) -> None:
        """Ends the thread by an empty datagram."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (NAME_SERVER, 53))
        self._thread.join()
        self._socket.close()
