"""Ten thousand wrong passwords from outside: the domain never hears of one.

Domain passwords are switched on for the listener inside, so that only policy stands between the guesses and the domain; the guesses
come outside, by Basic and NTLM, at accounts of every kind, under every form of their names, from ever new addresses (else
they would have to wait). The controller's own record of sign-ins, and what it counts for each account, tell.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import uvloop

from tests.door import ask
from tests.fakes.ntlm_client import NtlmClient
from tests.installation import Installation, installation
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Connection, Office, Phone, open_connection
from tests.servers.processes import server_directory
from tests.servers.samba import AUDIT, NEEDS, DomainController
from tests.servers.samba_domain import MAIL_DOMAIN, PASSWORD, PEOPLE

pytestmark = NEEDS

GUESSES = 10_000
GUESSES_A_SOURCE = 5
"""From the sixth on they wait."""
AT_ONCE = 64
WITH_PHONES = ("alice", "bob", "grace")
"""They have app passwords, also for NTLM: there is something to compare a guess with."""
COUNTED = ("badPwdCount", "lockoutTime", "badPasswordTime", "lastLogon")


@pytest.fixture
def dc() -> Iterator[DomainController]:
    with DomainController(log_level=AUDIT) as dc:
        yield dc


@pytest.fixture
def site(dc: DomainController) -> Iterator[Installation]:
    with (
        server_directory("echo") as folder,
        echo_backend(folder) as url,
        installation(
            backend=url,
            inside="",
            gateway="denial_quantum_ms = 5",
            publication='domain_password_listeners = ["inside"]',
            more=dc.settings(),
        ) as site,
    ):
        site.wait_for_account("alice")
        yield site


def names() -> list[str]:
    """Every account under every form of its name, and as many that nobody has."""
    known = [f"CONTOSO\\{user}" for user in PEOPLE]
    known += [f"{user}@contoso.lab" for user in PEOPLE]
    known += [f"{user}@{MAIL_DOMAIN}" for user in PEOPLE if user.isascii() and user.isalpha()]
    return [*known, *(f"CONTOSO\\nobody{number}" for number in range(len(known)))]


class Guessing:
    """Connections from ever new addresses, five guesses on each; Basic and NTLM in turns."""

    def __init__(self, site: Installation, count: int) -> None:
        self._site = site
        self._context: ssl.SSLContext = site.context()
        self._numbers = iter(range(count))
        self._sources = itertools.count()
        self._names = names()
        self.made = {"basic": 0, "ntlm": 0}

    async def run(self) -> None:
        """All of them."""
        await asyncio.gather(*(self._guess_on() for _ in range(AT_ONCE)))

    async def _guess_on(self) -> None:
        while numbers := list(itertools.islice(self._numbers, GUESSES_A_SOURCE)):
            at = next(self._sources)
            source = f"127.9.{at // 250}.{at % 250 + 1}"
            kind = ("basic", "ntlm")[at % 2]
            connection = await open_connection(self._site.port, self._context, source)
            try:
                for number in numbers:
                    await getattr(self, f"_{kind}")(connection, number, source)
                    self.made[kind] += 1
            finally:
                connection.abort()

    async def _basic(self, connection: Connection, number: int, source: str) -> None:
        login = self._names[number % len(self._names)]
        value = b"Basic " + b64encode(f"{login}:{_password(number)}".encode())
        assert await self._ask(connection, source, value) == (401, b"")

    async def _ntlm(self, connection: Connection, number: int, source: str) -> None:
        login = self._names[number % len(self._names)]
        domain, _, user = login.rpartition("\\")
        client = NtlmClient(
            user, domain, _password(number), now=datetime.now(UTC), workstation=f"GUESS{number}"
        )
        status, challenge = await self._ask(connection, source, b"NTLM " + b64encode(client.negotiate()))
        assert status == 401
        proof = client.authenticate(b64decode(challenge))
        assert await self._ask(connection, source, b"NTLM " + b64encode(proof)) == (401, b"")

    async def _ask(self, connection: Connection, source: str, authorization: bytes) -> tuple[int, bytes]:
        """The status, and the challenge that came with it."""
        phone = Phone("guess", "", "GUESSED1", source=source)
        answer = await connection.exchange(phone.request(b"", nonce=b"guess", authorization=authorization))
        offers = answer.fields.get(b"www-authenticate", [])
        return answer.status, next((one[5:] for one in offers if one.startswith(b"NTLM ")), b"")


def _password(number: int) -> str:
    """Each a new one; every hundredth is what the account's domain password really is: outside that is as wrong."""
    return PASSWORD if number % 100 == 99 else f"Guess-{number}"


def test_the_domain_hears_nothing_of_10000_wrong_guesses(dc: DomainController, site: Installation) -> None:
    office = Office(site)
    secret = {user: office.call("app_password_issue", account=user, ntlm=True) for user in WITH_PHONES}
    counted = {user: [dc.value(user, name) for name in COUNTED] for user in PEOPLE}

    guessing = Guessing(site, GUESSES)
    uvloop.run(guessing.run())

    assert guessing.made == {"basic": GUESSES / 2, "ntlm": GUESSES / 2}
    assert {user for _, user in dc.sign_ins()} == {"svc-read"}, "nobody's password was tried in the domain"
    for user in PEOPLE:
        assert [dc.value(user, name) for name in COUNTED] == counted[user]
        assert {dc.value(user, "badPwdCount"), dc.value(user, "lockoutTime")} <= {"", "0"}
    for user in WITH_PHONES:
        assert ask(site, f"CONTOSO\\{user}", secret[user]["password"]).status == 200

    # The same guess inside, where policy lets domain passwords in: that would have been heard.
    assert ask(site.indoors, "CONTOSO\\grace", "Guess-inside").status == 401
    assert dc.value("grace", "badPwdCount") == "1"
    assert "grace" in {user for _, user in dc.sign_ins()}
