"""Where a scenario plays: one machine or two. It sees a gateway, a command line beside identity, and an Exchange."""

from __future__ import annotations

import concurrent.futures
import itertools
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

from handfast.identity_api.admin_client import AdminClient
from tests.installation import HOST, Installation
from tests.lab_server import LabServer
from tests.scenarios.client import PATH, Answer, Client, Door
from tests.servers.processes import find_program, wait_until


@dataclass
class Person:
    """An account with a fresh app password."""

    user: str
    password: str

    @property
    def login(self) -> str:
        """As typed into a phone."""
        return f"CONTOSO\\{self.user}"


@dataclass
class Site:
    """`gateway` is what clients reach, `identity` where the command line works; on one machine they are the same."""

    gateway: Installation
    identity: Installation
    exchange: LabServer
    _numbers: itertools.count[int] = field(default_factory=itertools.count, kw_only=True)

    @property
    def door(self) -> Door:
        """Where clients go."""
        gateway = self.gateway
        return Door(gateway.address, gateway.port, HOST, gateway.ca_file, gateway.namespace)

    def client(self) -> Client:
        """A new connection."""
        return Client(self.door)

    def ask(self, person: Person, device: str, command: str = "FolderSync", **more: str) -> Answer:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(person.login, person.password, device, command, **more)

    def enrol(self, *, ntlm: bool = False) -> Person:
        """A person nobody has heard of yet; by identity's socket, as the command line does, but without its start."""
        user = f"person{next(self._numbers)}"
        office = AdminClient(self.identity.folder / "run" / "admin.sock")
        office.call("account_add", account_user=user, domain="CONTOSO", upn=f"{user}@contoso.lab")
        issued = office.call("app_password_issue", account=user, ntlm=ntlm)
        return Person(user, str(issued["password"]))

    def reached(self, person: Person) -> int:
        """How many requests of that person reached Exchange."""
        return len(self.exchange.requests(user=person.user))

    def hung(self, person: Person) -> int:
        """How many requests of that person Exchange has kept waiting; those that have ended since count too."""
        return len(self.exchange.requests(user=person.user, hanging=True))

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """curl, from where clients are."""
        door = self.door
        return subprocess.run(
            [
                *(*self.gateway.place, find_program("curl"), "-sS", "-i", "--max-time", "20"),
                *("--cacert", str(door.ca_file), "--resolve", f"{HOST}:{door.port}:{door.address}"),
                *arguments,
                f"https://{HOST}:{door.port}{PATH}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def while_hanging(self, person: Person, device: str, action: Callable[[], None], **more: str) -> Answer:
        """A Ping that hangs in Exchange, something done meanwhile, and the Ping's answer."""
        before = self.hung(person)
        with self.client() as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
            client.send(person.login, person.password, device, "Ping", **more)
            waiting = pool.submit(client.answer)
            try:
                wait_until(lambda: self.hung(person) > before or waiting.done(), "the Ping hangs")
                assert not waiting.done(), f"the Ping was answered at once: {waiting.result()}"
                action()
                return waiting.result(20)
            finally:
                client.socket.close()
