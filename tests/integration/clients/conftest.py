"""One installation before a simulated Exchange for all clients, two accounts, and curl as people call it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import encode
from tests.installation import HOST, Installation, installation
from tests.integration.clients.wire import SOURCES
from tests.lab_server import LabServer, lab_server
from tests.servers.processes import log_tail, wait_until

PATH = "/Microsoft-Server-ActiveSync"
WBXML_TYPE = "application/vnd.ms-sync.wbxml"
STRICT_HOST, LOOSE_HOST = "strict.contoso.lab", "loose.contoso.lab"
"""Published beside HOST (channel bindings: allow): here they are required, there not looked at, PINs are taken and
Negotiate is offered."""

MORE_PUBLICATIONS = """
[[publication]]
name = "{name}"
hosts = ["{host}"]
auth = ["basic", "ntlm"]
channel_binding = "{binding}"
ntlm_targets = {targets}
human_secrets = {loose}
offer_negotiate = {loose}

[publication.backend]
urls = ["{url}"]
auth = "header"
auth_header_value = "upn"
"""


@dataclass(frozen=True)
class Person:
    """Somebody with one phone, already paired."""

    user: str
    password: str
    device: str

    @property
    def upn(self) -> str:
        """How the back end is told of them."""
        return f"{self.user}@contoso.lab"

    def query(self, command: str = "FolderSync", **changed: str) -> str:
        """Path and query of a command of their phone."""
        fields = {
            "Cmd": command,
            "User": self.user,
            "DeviceId": self.device,
            "DeviceType": "TestPhone",
            **changed,
        }
        return PATH + "?" + "&".join(f"{name}={value}" for name, value in fields.items())


@dataclass(frozen=True)
class Transfer:
    """What curl said of one request: the last answer's status, and how many connections it had to open."""

    status: int
    connections: int


@dataclass(frozen=True)
class CurlRun:
    """One call of curl, with what `-v` told."""

    transfers: list[Transfer]
    log: str
    answer: str

    @property
    def statuses(self) -> list[int]:
        return [transfer.status for transfer in self.transfers]

    @property
    def connections(self) -> int:
        return sum(transfer.connections for transfer in self.transfers)


@dataclass(frozen=True)
class Curl:
    """curl against one installation."""

    site: Installation
    body: Path
    source: str = "127.0.0.1"

    def run(
        self,
        *operations: Sequence[str],
        host: str = HOST,
        stdin: bytes = b"",
        environment: dict[str, str] | None = None,
    ) -> CurlRun:
        """Each operation is its options and URL paths; between two stands `--next`, which keeps connections."""
        words = ["curl", "--silent", "--verbose"]
        for number, operation in enumerate(operations):
            words += ["--next"] if number else []
            words += [
                "--cacert", str(self.site.ca_file), "--resolve", f"{HOST}:{self.site.port}:127.0.0.1",
                "--max-time", "20", "--noproxy", "*", "--interface", self.source, "--write-out", "\n@@%{http_code} %{num_connects}\n",
            ]  # fmt: skip
            words += ["-H", f"Host: {host}"] if host != HOST else []
            words += [
                f"https://{HOST}:{self.site.port}{word}" if word.startswith(PATH) else word
                for word in operation
            ]
        done = subprocess.run(
            words, input=stdin, capture_output=True, timeout=60, check=False, env=environment
        )
        log, answer = done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")
        found = [line[2:].split() for line in answer.splitlines() if line.startswith("@@")]
        assert found, f"{shlex.join(words)}\n{log}"
        return CurlRun([Transfer(int(status), int(opened)) for status, opened in found], log, answer)

    def post(self, *options: str) -> list[str]:
        """Options that post a FolderSync."""
        return ["--data-binary", f"@{self.body}", "-H", f"Content-Type: {WBXML_TYPE}", *options]


@pytest.fixture(scope="session")
def folder_sync() -> bytes:
    """A FolderSync as a phone sends it first."""
    return encode(
        Element("FolderHierarchy", "FolderSync", (Element("FolderHierarchy", "SyncKey", text="0"),))
    )


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with lab_server() as server:
        yield server


@pytest.fixture(scope="session")
def site(lab: LabServer) -> Iterator[Installation]:
    more = "".join(
        MORE_PUBLICATIONS.format(
            name=name, host=host, binding=binding, targets=targets, loose=human, url=lab.url
        )
        for name, host, binding, targets, human in (
            ("strict", STRICT_HOST, "require", '["127.0.0.1"]', "false"),
            ("loose", LOOSE_HOST, "off", f'["127.0.0.1", "{HOST}"]', "true"),
        )
    )
    with installation(
        backend=lab.url,
        backend_options='auth_header_value = "upn"',
        more=more,
        gateway="denial_quantum_ms = 50",
    ) as running:
        yield running


def enrol(site: Installation, user: str) -> Person:
    """An account with an app password for Basic and NTLM; its first request pairs the phone."""
    site.add_account(user)
    return Person(user, site.issue(user, "--ntlm"), f"{user.upper()}PHONE1")


@pytest.fixture(scope="session")
def alice(site: Installation) -> Person:
    return enrol(site, "alice")


@pytest.fixture(scope="session")
def bob(site: Installation) -> Person:
    return enrol(site, "bob")


@pytest.fixture
def curl(site: Installation, folder_sync: bytes) -> Curl:
    body = site.folder / "folder-sync.wbxml"
    body.write_bytes(folder_sync)
    return Curl(site, body, next(SOURCES))


@pytest.fixture
def logged(site: Installation) -> Callable[..., None]:
    """Waits until the log has a line with all the words that was not there when the test began."""
    before = site.log.stat().st_size

    def wait_for(*words: str) -> None:
        def is_there() -> bool:
            new = site.log.read_bytes()[before:].decode(errors="replace").splitlines()
            return any(all(word in line for word in words) for line in new)

        wait_until(is_there, f"a log line with {words} in {log_tail(site.log)}")

    return wait_for


@pytest.fixture
def arrived(lab: LabServer) -> Iterator[Arrivals]:
    return Arrivals(lab)


class Arrivals:
    """What reached the back end since the test began."""

    def __init__(self, lab: LabServer) -> None:
        self._lab = lab
        self._before = len(lab.requests())

    def __call__(self) -> list[dict]:
        return self._lab.requests()[self._before :]

    def users(self) -> list[str]:
        """Whose requests, in order."""
        return [line["user"] for line in self()]
