"""Cases: servers behind the gateway, and their clocks."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from handfast.doctor.findings import FindingId
from handfast.keys.pki import IssuedCertificate, issue_demo_certificate
from tests.doctor.case import case
from tests.servers.processes import free_port

F = FindingId
INSIDE = "ex01.corp.internal"


class BackEnd:
    """Answers every request on its one path with one status and a clock of its own; over TLS with a certificate."""

    def __init__(self, certificate: IssuedCertificate | None = None, *, port: int = 0, banner: bytes = b""):
        self.status, self.clock, self.path = 200, timedelta(), ""
        self._banner = banner
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._listening = socket.create_server(("127.0.0.1", port))
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), taken:
                taken.settimeout(5)
                secured = self._tls.wrap_socket(taken, server_side=True) if self._tls else taken
                with secured:
                    if asked := secured.recv(65536):
                        secured.sendall(self._banner or self._answer(asked.split(b" ")[1].decode()))

    def _answer(self, path: str) -> bytes:
        status = self.status if self.path in {"", path} else 404
        date = format_datetime(datetime.now(UTC) + self.clock, usegmt=True)
        return f"HTTP/1.1 {status} Answer\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()

    def close(self) -> None:
        """Ends at once."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def back_end(world, certificate: IssuedCertificate | None = None, **how) -> BackEnd:
    """A server of its own, which the settings name."""
    server = BackEnd(certificate, **how)
    world.stack.callback(server.close)
    use(world, server.url)
    return server


def use(world, url: str) -> None:
    """The settings name that back end."""
    world.site.write_settings(backends=json.dumps([url]))


def trust(world, ca_file: Path, name: str = INSIDE) -> None:
    """The settings trust that CA, and expect that name."""
    world.site.write_settings(backend_options=f'ca_file = "{ca_file}"\nserver_name = "{name}"')


def of_the_inside(world, folder: str) -> tuple[Path, IssuedCertificate]:
    """(CA file, certificate) as an inside CA gives them."""
    return issue_demo_certificate(world.folder / folder, [INSIDE], now=datetime.now(UTC))


@case(F.BACKEND_NAME, "no-such-host.invalid", remedy="correct the URL")
def a_url_is_misspelt(world):
    good = json.loads(world.site.values["backends"])[0]
    use(world, "https://no-such-host.invalid")
    yield world.site
    use(world, good)


@case(F.BACKEND_CONNECT, "127.0.0.1", remedy="is it running?")
def a_server_is_down(world):
    port = free_port()
    use(world, f"http://127.0.0.1:{port}")
    yield world.site
    back_end(world, port=port)


@case(F.BACKEND_TLS, "https://", remedy="set `ca_file` to its CA")
def a_server_s_ca_is_not_known(world):
    ca_file, own = of_the_inside(world, "its")
    another, _ = of_the_inside(world, "another")
    back_end(world, own)
    trust(world, another)
    yield world.site
    trust(world, ca_file)


@case(F.BACKEND_TLS, "ex02", remedy="`server_name` to its name")
def a_server_has_another_name(world):
    ca_file, own = of_the_inside(world, "its")
    back_end(world, own)
    trust(world, ca_file, "ex02.corp.internal")
    yield world.site
    trust(world, ca_file, INSIDE)


@case(F.BACKEND_PIN, "it shows", remedy="set `pin_sha256` to the new fingerprint")
def a_pinned_certificate_was_renewed(world):
    back_end(world, of_the_inside(world, "its")[1])
    world.site.write_settings(backend_options=f'verify = "pin-sha256"\npin_sha256 = ["{"0" * 64}"]')
    [told] = yield world.site
    shown = told["what"].rpartition("it shows ")[2].rstrip(")")
    world.site.write_settings(backend_options=f'verify = "pin-sha256"\npin_sha256 = ["{shown}"]')


@case(F.BACKEND_ANSWER, "SMTP", remedy="is that the right port?")
def a_url_names_the_mail_port(world):
    right = back_end(world)
    back_end(world, banner=b"220 mail.example SMTP\r\n\r\n")
    yield world.site
    use(world, right.url)


@case(F.BACKEND_STATUS, "503", remedy="that server's own log", severity="warning")
def a_server_is_ill(world):
    server = back_end(world)
    server.status = 503
    yield world.site
    server.status = 200


@case(F.BACKEND_STATUS, "404", remedy="check the publication's `path`", severity="warning")
def a_path_is_wrong(world):
    server = back_end(world)
    server.path = "/SOGo/Microsoft-Server-ActiveSync"
    yield world.site
    world.site.write_settings(backend_options=f'path = "{server.path}"')


@case(F.CLOCK_OFF, "s apart", remedy="let both use NTP")
def a_clock_is_ten_minutes_off(world):
    server = back_end(world)
    server.clock = timedelta(minutes=10)
    yield world.site
    server.clock = timedelta()


@case(F.CLOCK_OFF, "s apart", remedy="let both use NTP", severity="warning")
def a_clock_is_two_minutes_off(world):
    server = back_end(world)
    server.clock = -timedelta(minutes=2)
    yield world.site
    server.clock = timedelta()
