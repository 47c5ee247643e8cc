"""One installation with a publication for each partnership mode, a simulated Exchange behind it, people to use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from handfast.identity_api.admin_client import AdminClient
from tests.door import BALANCED, Answer, ask
from tests.installation import HOST, Installation, prepare
from tests.lab_server import LabServer, lab_server
from tests.servers.processes import free_port, server_directory

PEOPLE = 80
MODES = {
    "window": 'mode = "window"',
    "approval": 'mode = "approval"\npending_limit = 2',
    "listed": 'mode = "listed"',
    "inside": 'mode = "inside"',
    "limited": 'mode = "first-use"\ndevice_limit = 2',
    "rules": (
        'mode = "first-use"\nallow_types = ["iPhone", "Samsung*"]\ndeny_types = ["SamsungOld"]\n'
        'deny_user_agents = ["Evil*"]\ndeny_protocol_versions = ["2.5"]'
    ),
}
PUBLICATION = """
[[policy]]
name = "{name}"
phone_refusals = "http"
{policy}

[[publication]]
name = "{name}"
hosts = ["{name}.contoso.lab"]
policy = "{name}"

[publication.backend]
urls = ["{backend}"]
auth = "header"
"""
INSIDE_LISTENER = """
[[listener]]
name = "indoors"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
inside = true
"""


@dataclass
class Person:
    """An account nobody has used yet."""

    site: Installation
    name: str

    @property
    def principal(self) -> str:
        return f"{self.name}@contoso.lab"

    def password(self, *options: str) -> str:
        """A fresh app password by the command line."""
        return self.site.issue(self.name, *options)

    def ask(self, password: str, device: str = "PHONE1", *, mode: str = "", **more: Any) -> Answer:
        """One command from a device, at the publication of that mode."""
        host = f"{mode}.contoso.lab" if mode else HOST
        return ask(self.site, self.name, password, device=device, host=host, **more)

    def reason(self, answer: Answer) -> str:
        """What `handfast explain` says of a refusal."""
        return str(self.site.cli("explain", answer.request_id)["reason"])

    def devices(self) -> dict[str, str]:
        """Device id -> state."""
        return {row["device_id"]: row["state"] for row in self.site.cli("device", "list", self.name)}

    def audited(self, event: str) -> list[dict[str, Any]]:
        """Entries of the trail about this person."""
        rows = self.site.cli("audit", "show", "--limit", "5000", "--event", event)
        return [row for row in rows if row["subject"].partition(" ")[0] == self.principal]


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with lab_server() as running:
        yield running


@pytest.fixture(scope="module")
def site(server: LabServer) -> Iterator[Installation]:
    with server_directory("modes") as folder:
        made = prepare(folder, backend=server.url, auth='["basic"]')
        inside = INSIDE_LISTENER.format(
            port=free_port(), **{k: made.values[k] for k in ("certificate", "key")}
        )
        publications = [
            PUBLICATION.format(name=name, policy=policy, backend=server.url) for name, policy in MODES.items()
        ]
        made.write_settings(more="\n".join([inside, *publications]), listener=BALANCED)
        try:
            made.start()
            accounts = "".join(f"p{n},CONTOSO,p{n}@contoso.lab,\n" for n in range(PEOPLE))
            made.cli("account", "import", "-", stdin="user,domain,upn,display_name\n" + accounts)
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return iter([f"p{n}" for n in range(PEOPLE)])


@pytest.fixture
def person(site: Installation, names: Iterator[str]) -> Person:
    return Person(site, next(names))


@pytest.fixture
def other(site: Installation, names: Iterator[str]) -> Person:
    return Person(site, next(names))


@pytest.fixture(scope="module")
def admin(site: Installation) -> AdminClient:
    """The socket the command line uses: for set-up in numbers."""
    return AdminClient(site.folder / "run" / "admin.sock")
