"""A server that notes every request it reads, byte for byte, and answers all alike. Nothing it is asked is too odd."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator


class Recorder:
    """What reached the server: heads of requests, in order."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.url = ""

    def targets(self) -> list[str]:
        """Method and target of each."""
        return [" ".join(head.decode("latin-1").split(" ", 2)[:2]) for head in self.heads]

    def clear(self) -> None:
        self.heads.clear()


@contextlib.contextmanager
def recorder() -> Iterator[Recorder]:
    """A running one."""
    noted = Recorder()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while head := _read_head(self.rfile):
                    noted.heads.append(head)
                    self.rfile.read(_length(head))
                    body = b"" if head.startswith((b"HEAD ", b"OPTIONS ")) else b"<ok/>"
                    self.wfile.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5\r\n\r\n" + body
                        if body or head.startswith(b"HEAD ")
                        else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                    )

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        noted.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield noted
        finally:
            server.shutdown()
            thread.join()


def _read_head(stream: socket.SocketIO) -> bytes:
    lines = []
    while line := stream.readline(65536):
        if line == b"\r\n":
            return b"".join(lines)
        lines.append(line)
    return b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0
