"""The back end is down, slow, or leaves in the middle; or the client does. Each has its own answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from tests.installation import Installation, installation
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Answer, Lost, Office, Phone, hang_up
from tests.servers.processes import free_port, server_directory


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What reached the back end: a line `USER NONCE` a request."""
    return tmp_path_factory.mktemp("echo") / "reached.log"


@pytest.fixture(scope="module")
def site(reached: Path) -> Iterator[Installation]:
    with server_directory("echo") as folder, echo_backend(folder, log=reached) as url:
        with installation(backend=url, backend_options="answer_timeout_seconds = 1") as running:
            yield running


def use(site: Installation, user: str, work: Callable[[Phone], Awaitable[None]]) -> None:
    """A phone of a new account that is signed in, handed to `work`."""
    office = Office(site)
    office.add_accounts([user])
    phone = office.phone(user, f"DEVICE{user}")

    async def run() -> None:
        try:
            await phone.connect(site.port, site.context())
            await work(phone)
        finally:
            await hang_up([phone])

    uvloop.run(run())


async def ask(phone: Phone, wish: bytes = b"") -> Answer:
    assert phone.connection is not None
    return await phone.connection.exchange(phone.request(b"body" * 50, nonce=phone.nonce(), wish=wish))


async def check_served(phone: Phone, site: Installation) -> None:
    """Whatever happened before: this one is served."""
    if phone.connection is None or not phone.connection.is_open:
        await phone.connect(site.port, site.context())
    answer = await ask(phone)
    assert (answer.status, answer.body.split()[0]) == (200, phone.user.encode())


def test_down_is_502_with_a_time_to_come_again() -> None:
    with installation(backend=f"http://127.0.0.1:{free_port()}") as site:

        async def work(phone: Phone) -> None:
            answer = await ask(phone)
            assert answer.status == 502
            assert int(answer.value(b"retry-after")) > 0
            assert b"127.0.0.1" not in repr(answer).encode()

        use(site, "down", work)
        site.wait_for_log_line("reason=backend-unavailable", "status=502")


def test_slow_is_504(site: Installation) -> None:
    async def work(phone: Phone) -> None:
        begun = time.monotonic()
        answer = await ask(phone, b"slow")
        assert answer.status == 504, "two seconds later it would have been the server's own"
        assert time.monotonic() - begun > 0.9
        # What comes late must not become the answer to the next request.
        await check_served(phone, site)
        await asyncio.sleep(1.2)
        await check_served(phone, site)

    use(site, "slow", work)
    site.wait_for_log_line("reason=backend-timeout", "status=504")


@pytest.mark.parametrize("wish", [b"torn", b"unchunked"])
def test_closing_in_the_middle_of_an_answer_cuts_the_client(site: Installation, wish: bytes) -> None:
    """Half an answer must never look like a whole one."""

    async def work(phone: Phone) -> None:
        with pytest.raises(Lost):
            await ask(phone, wish)
        await check_served(phone, site)

    use(site, wish.decode(), work)
    site.wait_for_log_line("reason=backend-unavailable", wish.decode())


@pytest.mark.parametrize("wish", [b"hang", b"trickle", b""])
def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    site: Installation, reached: Path, wish: bytes
) -> None:
    """Of the answer, of waiting for it, and of its own request's body."""
    user = f"gone{wish.decode()}"

    async def work(phone: Phone) -> None:
        async with asyncio.timeout(30):
            connection = await phone.connect(site.port, site.context())
            nonce = phone.nonce()
            connection.begin(phone.request(b"body" * 50, nonce=nonce, wish=wish))
            if wish == b"hang":
                while nonce not in reached.read_bytes().split():
                    await asyncio.sleep(0.02)
            else:
                await connection.first_byte.wait()
            connection.abort()
            connection = await phone.connect(site.port, site.context())
            request = phone.request(b"body" * 50, nonce=phone.nonce(), wish=wish)
            head, _, body = request.partition(b"\r\n\r\n")
            connection.begin(head + b"\r\nExpect: 100-continue\r\n\r\n")
            await connection.first_byte.wait()  # "go on": the gateway has let it in and awaits the body
            connection.transport.write(body[:100])
            connection.abort()
        for _ in range(5):
            await check_served(phone, site)

    use(site, user, work)
    site.wait_for_log_line("reason=client-gone", f"DEVICE{user}".upper())
