"""The back ends: nginx for 1 KB answers and for one document, and one of our own that hangs, streams and swallows.

`python -m benchmarks.backend PORT BYTES [CERTIFICATE KEY]`: a Ping is never answered, ItemOperations gets BYTES bytes, what is
posted to EWS gets a streaming answer without end, any other command is read to its end and answered 200 with how many bytes its
body had.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.notifications import EVERY_SECONDS, encode_notification
from benchmarks.notifications import PATH as EWS_PATH
from benchmarks.processes import raise_file_limit
from tests.servers.nginx import nginx
from tests.servers.processes import accepts, free_port, running, server_directory

ROOT = Path(__file__).resolve().parent.parent
_CHUNK = bytes(256 * 1024)
_EWS_TARGET = EWS_PATH.encode()


@dataclass(frozen=True)
class Certificate:
    """A self-signed P-256 certificate for the published host, the same for every subject."""

    certificate: Path
    key: Path


@contextlib.contextmanager
def kilobyte_backend() -> Iterator[int]:
    """1 KB for every request, kept alive; also the no-op service of auth_request. Yields the port."""
    port = free_port()
    server = f"""
  server {{
    listen 127.0.0.1:{port};
    access_log off;
    keepalive_timeout 600;
    location / {{ default_type application/octet-stream; return 200 "{"x" * 1024}"; }}
    location = /noop {{ return 204; }}
  }}"""
    with nginx(server, port=port):
        yield port


@contextlib.contextmanager
def document_backend(document: bytes) -> Iterator[int]:
    """The XML document from a file for every POST, kept alive; also the no-op service. Yields the port."""
    port = free_port()
    with server_directory("document") as directory:
        (directory / "answer.xml").write_bytes(document)
        # A file is nothing to POST to; nginx goes on from there with GET.
        server = f"""
  server {{
    listen 127.0.0.1:{port};
    access_log off;
    keepalive_timeout 600;
    root {directory};
    charset utf-8;
    types {{ text/xml xml; }}
    location / {{ error_page 404 405 =200 /answer.xml; }}
    location = /noop {{ return 204; }}
  }}"""
        with nginx(server, port=port):
            yield port


@contextlib.contextmanager
def stream_backend(tls: Certificate | None = None, *, bulk_bytes: int = 0) -> Iterator[int]:
    """The back end that hangs, streams and swallows. Yields the port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.backend", str(port), str(bulk_bytes)]
    if tls:
        command += [str(tls.certificate), str(tls.key)]
    with (
        server_directory("backend") as directory,
        running(command, log=directory / "log", directory=ROOT, ready=lambda: accepts(port)),
    ):
        yield port


class Stream(asyncio.Protocol):
    """HTTP/1.1 as far as proxies of the benchmarks speak it: Content-Length or chunked, one request at a time."""

    def __init__(self, bulk_bytes: int) -> None:
        self.bulk_bytes = bulk_bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self.head = bytearray()
        self.reading = False
        self.left = self.taken = self.to_send = 0
        self.tail = b""
        self.paused = self.notifies = False
        self.timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if not self.reading:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = bytes(self.head[end + 4 :])
            if not self.begin(bytes(self.head[:end])):
                return
        self.swallow(data)

    def begin(self, head: bytes) -> bool:
        """Takes a head; True where a body is still to be read."""
        self.head.clear()
        target = head.split(b" ", 2)[1]
        if b"Cmd=Ping&" in target:
            return False
        if b"Cmd=ItemOperations&" in target:
            self.to_send = self.bulk_bytes
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.to_send)
            self.pump()
            return False
        self.notifies = target == _EWS_TARGET
        lower = head.lower()
        at = lower.find(b"\r\ncontent-length:")
        self.left = int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if b"chunked" in lower:
            self.left = -1
        self.reading, self.taken, self.tail = True, 0, b""
        return True

    def swallow(self, data: bytes) -> None:
        """Counts body bytes; at the end answers."""
        self.taken += len(data)
        if self.left >= 0:
            done = self.taken >= self.left
        else:
            self.tail = (self.tail + data)[-7:]
            done = self.tail.endswith(b"0\r\n\r\n")
        if done and self.notifies:
            self.reading = False
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            loop = asyncio.get_running_loop()
            self.notify(loop, loop.time() - EVERY_SECONDS * random.random())
        elif done:
            self.reading = False
            body = b"%d" % self.taken
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def notify(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Writes an envelope and sets the time of the next one; `due` was the time of this one."""
        envelope = encode_notification(time.monotonic_ns())
        self.transport.write(b"%x\r\n%b\r\n" % (len(envelope), envelope))
        due += EVERY_SECONDS
        self.timer = loop.call_at(due, self.notify, loop, due)

    def connection_lost(self, _exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.pump()

    def pump(self) -> None:
        """Writes until the transport has enough."""
        while self.to_send and not self.paused:
            piece = _CHUNK[: self.to_send]
            self.to_send -= len(piece)
            self.transport.write(piece)


async def serve(port: int, bulk_bytes: int, tls: ssl.SSLContext | None) -> None:
    """Serves for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stream(bulk_bytes), "127.0.0.1", port, ssl=tls, backlog=4096)
    await server.serve_forever()


def main() -> None:
    """Reads port and size and, for TLS, certificate and key from the command line."""
    raise_file_limit(12000)
    tls = None
    if len(sys.argv) > 3:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[3], sys.argv[4])
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), tls))


if __name__ == "__main__":
    main()
