"""The ways a client of Exchange can take: straight to the simulated server, or through the gateway."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.keys.pki import issue_demo_certificate
from tests.installation import HOST, Installation, installation
from tests.lab_server import LabServer, lab_server
from tests.servers.processes import server_directory

AUTODISCOVER_HOST = "autodiscover.contoso.lab"
NAMES = (HOST, AUTODISCOVER_HOST)
SETTINGS = {
    "basic": {"auth": '["basic"]'},
    "ntlm": {"auth": '["basic", "ntlm"]'},
}


@dataclass(frozen=True)
class Person:
    """Somebody with a password for the way they take; `seen_as` is the name the simulated server is told."""

    user: str
    password: str
    seen_as: str

    @property
    def address(self) -> str:
        return f"{self.user}@contoso.lab"

    @property
    def stale_password(self) -> str:
        """One letter off."""
        return self.password[:-1] + ("b" if self.password.endswith("a") else "a")

    @property
    def login(self) -> str:
        return f"CONTOSO\\{self.user}"


@dataclass
class Way:
    """Where the published names lead: a port of loopback with a certificate for them, and the server behind."""

    name: str
    port: int
    ca_file: Path
    lab: LabServer
    site: Installation | None = None
    read: int = field(default=0)

    def enrol(self, user: str, profile: str = "outlook") -> Person:
        """An account with a password; by default one that clients without a device id may use."""
        if self.site is None:
            self.lab.set_password(user, f"Inside-{user}-1")
            return Person(user, f"Inside-{user}-1", f"CONTOSO\\{user}")
        self.site.add_account(user)
        options = ["--profile", profile] + ["--ntlm"] * (self.name == "ntlm")
        return Person(user, self.site.issue(user, *options), f"{user}@contoso.lab")

    def arrived(self, **wanted: object) -> list[dict[str, object]]:
        """What reached the simulated server since `forget`."""
        return [
            line
            for line in self.lab.requests()[self.read :]
            if all(line[name] == value for name, value in wanted.items())
        ]

    def forget(self) -> None:
        """What arrived so far counts no more."""
        self.read = len(self.lab.requests())


@pytest.fixture(scope="module", params=["direct", "basic", "ntlm"])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """`direct` proves client and server to each other; the others put the gateway between."""
    with ExitStack() as stack:
        if request.param == "direct":
            folder = stack.enter_context(server_directory("published"))
            ca_file, tls = _published_tls(folder)
            lab = stack.enter_context(lab_server(tls=tls, accept="basic", offers=("Basic",), compresses=True))
            yield Way("direct", lab.exchange.port, ca_file, lab)
            return
        lab = stack.enter_context(lab_server(compresses=True))
        site = stack.enter_context(
            installation(
                backend=lab.url,
                more_hosts=[AUTODISCOVER_HOST],
                publication='kind = "exchange"',
                backend_options='auth_header_value = "upn"',
                **SETTINGS[request.param],
            )
        )
        yield Way(request.param, site.port, site.ca_file, lab, site)


def _published_tls(folder: Path) -> tuple[Path, ssl.SSLContext]:
    ca_file, server = issue_demo_certificate(folder / "tls", [*NAMES, "127.0.0.1"], now=datetime.now(UTC))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(server.certificate, server.key)
    return ca_file, tls
