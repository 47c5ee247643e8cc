"""Servers behind the gateway that sign people in by Kerberos, over TLS, and answer with whom they saw.

`apache_behind`: mod_auth_gssapi in front of a program. `DemandingBackend`: an acceptor that wants channel bindings, as Exchange
does with Extended Protection.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.apache import apache
from tests.servers.gssapi_peer import GssapiService, ServiceRefused
from tests.servers.processes import free_port, server_directory

MODULES = (
    "authn_core",
    "authz_core",
    "authz_user",
    "auth_gssapi",
    "headers",
    "proxy",
    "proxy_http",
    "ssl",
)
_SITE = """
Listen 127.0.0.1:{port}
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {key}
<Location />
  AuthType GSSAPI
  AuthName "fe"
  GssapiCredStore keytab:{keytab}
  GssapiAllowedMech krb5
  GssapiLocalName Off
  GssapiConnectionBound {bound}
  Require valid-user
  RequestHeader set X-Seen "expr=%{{REMOTE_USER}}"
  RequestHeader unset Authorization
</Location>
ProxyPass / {program}/
"""


@dataclass
class Seen:
    """What a server saw, request by request: who it was, and whether a ticket came with it."""

    users: list[str] = field(default_factory=list)
    tickets: list[bool] = field(default_factory=list)
    bound: list[bool] = field(default_factory=list)
    refused: int = 0


class _Handler(BaseHTTPRequestHandler):
    """Answers each request with `user` in the body."""

    protocol_version = "HTTP/1.1"
    server: Any

    def setup(self) -> None:
        super().setup()
        self.user = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.serve_request(self)

    def do_OPTIONS(self) -> None:
        self.do_POST()

    def tell(self, status: int, body: str = "", **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing: tests look at what was seen."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.seen = Seen()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Health checks and closed connections are no errors here."""


class _Program(_Server):
    """What stands behind Apache."""

    def serve_request(self, request: _Handler) -> None:
        user = request.headers.get("X-Seen", "")
        self.seen.users.append(user)
        request.tell(200, user)


class DemandingBackend(_Server):
    """Remembers who signed in on a connection, demands the binding of its own certificate, and proves itself."""

    def __init__(
        self, certificate: Path, key: Path, keytab: Path, binding: bytes, host: str = "127.0.0.1"
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        super().__init__(context, host)
        self._service = GssapiService(keytab, binding)
        self.proof: bytes | None = None
        """What it proves itself with; None: with the truth."""

    @property
    def url(self) -> str:
        return f"https://{self.server_address[0]}:{self.port}"

    def serve_request(self, request: _Handler) -> None:
        scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
        fields = {}
        if scheme == "Negotiate":
            try:
                signed_in = self._service.accept(base64.b64decode(token))
            except ServiceRefused:
                self.seen.refused += 1
                request.tell(401, WWW_Authenticate="Negotiate")
                return
            request.user = signed_in.name
            self.seen.bound.append(signed_in.is_bound)
            proof = signed_in.answer if self.proof is None else self.proof
            fields = {"WWW_Authenticate": f"Negotiate {base64.b64encode(proof).decode()}"}
        elif not request.user:
            request.tell(401, WWW_Authenticate="Negotiate")
            return
        self.seen.users.append(request.user)
        self.seen.tickets.append(bool(token))
        request.tell(200, request.user, **fields)


@contextlib.contextmanager
def apache_behind(
    certificate: Path, key: Path, keytab: Path, *, ticket_per: str
) -> Iterator[tuple[str, Seen]]:
    """URL of the site, and what its program sees."""
    program = _Program()
    with program.running(), server_directory("kerberos-behind") as folder:
        copied = Path(shutil.copy(keytab, folder / "keytab"))
        copied.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(copied, "www-data")
        port = free_port()
        bound = "On" if ticket_per == "connection" else "Off"
        body = _SITE.format(
            port=port,
            certificate=certificate,
            key=key,
            keytab=copied,
            bound=bound,
            program=f"http://127.0.0.1:{program.port}",
        )
        with apache(body, port=port, modules=MODULES):
            yield f"https://127.0.0.1:{port}", program.seen
