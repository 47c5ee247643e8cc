"""A back end that counts what reaches it and can be made to misbehave; it knows nothing of ActiveSync."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.processes import free_port

HEALTH_PATH = "/healthcheck.htm"


class CountingBackend:
    """Answers 200 with its name. `is_well` is what its health check says; `drops` makes it close without an answer once
    it has read a request; `agents` holds the User-Agent of each request that was read, in order.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_well = True
        self.drops = False
        self.agents: list[str] = []
        self._port = free_port()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Scheme, address and port; the port stays the same after `kill` and `start`."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listens."""
        self._server = _Server(self, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name=self.name)
        self._thread.start()

    def cut(self) -> None:
        """Ends every kept connection."""
        if self._server is not None:
            self._server.cut()

    def kill(self) -> None:
        """As if its process died: nobody listens, every connection is reset."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()
        self._thread.join()
        self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, backend: CountingBackend, port: int) -> None:
        self.backend = backend
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are cut on purpose here."""

    def cut(self) -> None:
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path == HEALTH_PATH:
            self._answer(200 if self.server.backend.is_well else 503)
            return
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        backend = self.server.backend
        backend.agents.append(self.headers.get("User-Agent", ""))
        if backend.drops:
            self.close_connection = True
            return
        self._answer(200)

    def do_OPTIONS(self) -> None:
        self.do_POST()

    def _answer(self, status: int) -> None:
        body = self.server.backend.name.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def counting_backend(name: str) -> Iterator[CountingBackend]:
    """A running back end; killed at the end."""
    backend = CountingBackend(name)
    backend.start()
    try:
        yield backend
    finally:
        backend.kill()


@contextlib.contextmanager
def deaf_server() -> Iterator[str]:
    """The URL of a server whose connections never come about: its backlog is full and it accepts nobody."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
