"""64 users, Basic and NTLM mixed, 100,000 requests on two workers: every answer belongs to its asker.

The back end says whom a request was forwarded for and repeats its nonce and body. Meanwhile connections are renewed, and
killed in the middle of a request, of an upload and of an answer: what they leave behind must reach nobody else.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import pytest
import uvloop

from tests.installation import Installation, installation
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Answer, Connection, Office, Phone, hang_up
from tests.servers.processes import server_directory

pytestmark = pytest.mark.alone

USERS = 64
SHARERS = 8
REQUESTS = 100_000
MANNERS = (b"", b"", b"", b"chunked")


@pytest.fixture
def site() -> Iterator[Installation]:
    with server_directory("echo") as folder, echo_backend(folder) as url:
        with installation(backend=url, auth='["basic", "ntlm"]', workers=2) as running:
            yield running


def make_phones(site: Installation) -> list[Phone]:
    """64 users with a device id each; eight of them also use the first one's device, with passwords of their own."""
    office = Office(site)
    users = [f"user{number:02}" for number in range(USERS)]
    office.add_accounts(users)
    phones = [
        office.phone(user, f"LOAD{number:04}", ("basic", "ntlm")[number % 2])
        for number, user in enumerate(users)
    ]
    phones += [
        office.phone(user, "LOAD0000", ("basic", "ntlm")[number % 2])
        for number, user in enumerate(users[1 : 1 + SHARERS])
    ]
    return phones


class Load:
    """A shared budget of requests that phones take from until it is used up."""

    def __init__(self, site: Installation, total: int) -> None:
        self._port = site.port
        self._context = site.context()
        self._left = total
        self.counts: Counter[str] = Counter()
        self.users: set[str] = set()

    async def run(self, phones: list[Phone]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for seed, phone in enumerate(phones):
                    group.create_task(self._use(phone, random.Random(seed)))
        finally:
            await hang_up(phones)

    async def _use(self, phone: Phone, chance: random.Random) -> None:
        connection = await self._connect(phone)
        while self._left > 0:
            if not connection.is_open or chance.random() < 0.003:
                connection = await self._connect(phone)
            if chance.random() < 0.004:
                await self._lose(phone, connection, chance)
                connection = await self._connect(phone)
            if self._left <= 0:
                return
            self._left -= 1
            await self._ask(phone, connection, chance)

    async def _connect(self, phone: Phone) -> Connection:
        self.counts["connections"] += 1
        return await phone.connect(self._port, self._context)

    async def _ask(self, phone: Phone, connection: Connection, chance: random.Random) -> None:
        nonce = phone.nonce()
        body = chance.randbytes(chance.choice((0, 13, 700, 3000)))
        wish = chance.choice(MANNERS)
        request = phone.request(body, nonce=nonce, wish=wish, chunked=chance.random() < 0.25)
        answer = await connection.exchange(request)
        check(phone, nonce, body, answer)
        self.counts["answered"] += 1
        self.counts[phone.kind] += 1
        self.counts["chunked" if b"transfer-encoding" in answer.fields else "length"] += 1
        self.users.add(phone.user)

    async def _lose(self, phone: Phone, connection: Connection, chance: random.Random) -> None:
        """Cuts the connection while a request, its body or its answer is under way; no answer is counted."""
        nonce, body = phone.nonce(), chance.randbytes(2000)
        where = chance.choice(("request", "upload", "answer"))
        self.counts[f"lost in {where}"] += 1
        if where == "upload":
            connection.begin(phone.request(body, nonce=nonce)[:-1000])
            await asyncio.sleep(chance.random() * 0.02)
        else:
            wish = b"trickle" if where == "answer" else b""
            connection.begin(phone.request(body, nonce=nonce, wish=wish))
            if where == "answer":
                async with asyncio.timeout(30):
                    await connection.first_byte.wait()
        connection.abort()


def check(phone: Phone, nonce: bytes, body: bytes, answer: Answer) -> None:
    """Forwarded for this account, and the answer to this very request."""
    assert answer.status == 200, (phone.user, answer.status, answer.body[:200])
    user, said_nonce, said_body = answer.body.split(b" ", 2)
    assert user == phone.user.encode(), f"{phone.user} got the answer of {user!r}"
    assert said_nonce == nonce, f"{phone.user} asked {nonce!r} and got {said_nonce!r}"
    assert said_body == body, f"{phone.user}: another body came back"


def test_100_000_requests_of_64_users_each_get_their_own_answer(site: Installation) -> None:
    phones = make_phones(site)
    assert len({phone.device for phone in phones}) == 64
    load = Load(site, REQUESTS)
    uvloop.run(load.run(phones))
    counts = load.counts
    print(dict(counts))
    assert counts["answered"] == REQUESTS
    assert len(load.users) == USERS
    assert min(counts["basic"], counts["ntlm"]) > REQUESTS // 4
    assert min(counts["chunked"], counts["length"]) > REQUESTS // 10
    assert min(counts["lost in request"], counts["lost in upload"], counts["lost in answer"]) > 50
    assert len(site.children("gateway")) == 2
    assert not site.log_lines("outcome=deny", "reason=internal-error")
