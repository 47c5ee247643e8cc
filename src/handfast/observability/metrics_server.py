"""`/metrics` and `/healthz` over HTTP, in a thread of their own: they answer even while a loop is busy."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

Health = Callable[[], Mapping[str, bool]]
"""Names of what must work, each True while it does; called in the server's thread, must not block."""

MAX_SECONDS_PER_REQUEST = 10.0


class MetricsServer:
    """Serves until `close`. `address` is IP:port, "[::1]:9464" for IPv6; port 0 takes a free one."""

    def __init__(self, address: str, health: Health) -> None:
        """Raises: OSError where the address is taken, ValueError where it is none."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{address!r} is not of the form IP:port")
        server_class = _Ipv6Server if host.startswith("[") else _Server
        self._server = server_class((host.strip("[]"), int(port)), health)
        self._stopped, self._stopping = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it serves on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stops serving, at once: `serve_forever` would look only every half second whether it shall end."""
        self._stopping.close()  # which makes the other end readable
        self._thread.join()
        self._stopped.close()
        self._server.server_close()

    def _serve(self) -> None:
        readable = select.poll()
        readable.register(self._server, select.POLLIN)
        readable.register(self._stopped, select.POLLIN)
        while self._stopped.fileno() not in dict(readable.poll()):
            self._server.handle_request()


def serve_metrics(address: str, health: Health) -> MetricsServer:
    """Serves `/metrics` and `/healthz` (200 while all is well, else 503; JSON). Raises: OSError, ValueError."""
    return MetricsServer(address, health)


def render_metrics() -> bytes:
    """The text exposition, summed over all processes where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    timeout = 0
    """Seconds `handle_request` waits for a connection: it is called when there is one."""

    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        super().__init__(address, _Handler)


class _Ipv6Server(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = MAX_SECONDS_PER_REQUEST
    server_version = "handfast"
    sys_version = ""

    def do_GET(self) -> None:
        """The two pages."""
        if self.path == "/metrics":
            self._send(200, CONTENT_TYPE_LATEST, render_metrics())
        elif self.path == "/healthz":
            checks = dict(self.server.health())
            is_well = all(checks.values())
            body = json.dumps({"status": "ok" if is_well else "failing", "checks": checks}).encode()
            self._send(200 if is_well else 503, "application/json", body)
        else:
            self._send(404, "text/plain", b"/metrics or /healthz\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Scrapes are no news."""

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
