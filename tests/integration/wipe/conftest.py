"""One installation that tells phones in their protocol's own words, with the simulated Exchange behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from handfast.identity_api.admin_client import AdminClient
from handfast.lab.phone import SimulatedPhone
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.provision_request import ProvisionRequest, encode_provision_request
from handfast.protocols.activesync.remote_wipe import WipeAcknowledgement, WipeKind
from tests.door import Answer, ask
from tests.installation import Installation, installation
from tests.lab_server import LabServer, lab_server

T = TypeVar("T")
PEOPLE = 40
MESSAGE = "This phone waits.\\nPlease call Helen on 4711."
APPROVAL = """
[[policy]]
name = "approval"
mode = "approval"
quarantine_message = "{message}"

[[publication]]
name = "approval"
hosts = ["approval.contoso.lab"]
policy = "approval"

[publication.backend]
urls = ["{url}"]
auth = "header"

[[policy]]
name = "told"
mode = "first-use"
allow_os = ["iOS 17*"]

[[publication]]
name = "told"
hosts = ["told.contoso.lab"]
policy = "told"

[publication.backend]
urls = ["{url}"]
auth = "header"

[[policy]]
name = "ours"
mode = "first-use"
allow_imeis = ["35-693803-56*"]

[[publication]]
name = "ours"
hosts = ["ours.contoso.lab"]
policy = "ours"

[publication.backend]
urls = ["{url}"]
auth = "header"
"""


@dataclass
class Person:
    """An account with its phone, and what may be done to them."""

    site: Installation
    server: LabServer
    name: str
    device: str
    password: str

    def call(self, method: str, **arguments: object) -> Any:
        """An administrative call, as the command line makes it."""
        return AdminClient(self.site.folder / "run" / "admin.sock").call(method, **arguments)

    def on_device(self, method: str, **more: object) -> Any:
        """An administrative call about this device."""
        return self.call(method, account=self.name, device_id=self.device, **more)

    def ask(self, command: str = "FolderSync", version: str = "14.1", **more: Any) -> Answer:
        """One command of the phone."""
        more.setdefault("device", self.device)
        return ask(self.site, self.name, self.password, command=command, version=version, **more)

    def provision(self, kind: WipeKind | None = None, status: int = 1, version: str = "14.1") -> Answer:
        """A Provision, empty or with the acknowledgement of a wipe."""
        wipe = None if kind is None else WipeAcknowledgement(kind, status)
        return self.ask("Provision", version, body=encode_provision_request(ProvisionRequest(wipe=wipe)))

    def arrived(self) -> int:
        """How many requests of this device the server behind has seen."""
        return len(self.server.requests(device_id=self.device))

    def trail(self, area: str) -> list[str]:
        """The events of that area about this device, oldest first."""
        rows = self.call("audit_show", limit=5000)
        about = f"{self.name}@contoso.lab {self.device}"
        return [row["event"] for row in rows if row["subject"] == about and row["event"].startswith(area)]

    def phone(self, version: str = "14.1", host: str = "mail.contoso.lab") -> SimulatedPhone:
        """The simulated phone with this account on it."""
        return SimulatedPhone(
            self.site.url,
            self.site.ca_file,
            host,
            self.name,
            self.password,
            self.device,
            protocol_version=version,
        )


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with lab_server() as running:
        yield running


@pytest.fixture(scope="module")
def site(server: LabServer) -> Iterator[Installation]:
    with installation(
        backend=server.url,
        more_hosts=["approval.contoso.lab", "told.contoso.lab", "ours.contoso.lab"],
        hosts='["mail.contoso.lab"]',
        auth='["basic"]',
        workers=1,
        phone_refusals="status",
        policy=f'quarantine_message = "{MESSAGE}"',
        publication="human_secrets = true",
        gateway="denial_quantum_ms = 0",
        lockout="per_account_and_source = 3",
        more=APPROVAL.format(message=MESSAGE, url=server.url),
    ) as running:
        rows = [{"user": f"w{n}", "domain": "CONTOSO", "upn": f"w{n}@contoso.lab"} for n in range(PEOPLE)]
        admin = AdminClient(running.folder / "run" / "admin.sock")
        assert admin.call("account_import", rows=rows)["imported"] == PEOPLE
        yield running


@pytest.fixture(scope="module")
def names() -> Iterator[int]:
    return iter(range(PEOPLE))


@pytest.fixture
def person(site: Installation, server: LabServer, names: Iterator[int]) -> Person:
    """Somebody with a fresh app password, whose phone has not called yet."""
    number = next(names)
    made = Person(site, server, f"w{number}", f"WIPE{number}", "")
    made.password = str(made.call("app_password_issue", account=made.name)["password"])
    return made


@pytest.fixture
def paired(person: Person) -> Person:
    """Somebody whose phone is in use."""
    assert person.ask().status == 200
    return person


@pytest.fixture
def status_of() -> Callable[[Answer, str], int]:
    """The Status in a command's answer."""
    from handfast.protocols.activesync.status_answer import parse_status_answer

    def read(answer: Answer, command: str = "FolderSync") -> int:
        assert answer.status == 200, answer
        assert answer.headers["content-type"] == "application/vnd.ms-sync.wbxml"
        status = parse_status_answer(Command(command), answer.body)
        assert status is not None
        return status

    return read


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a simulated phone's day."""
    return asyncio.run
