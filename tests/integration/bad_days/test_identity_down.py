"""Identity can't be reached: new sign-ins are told to come later, live grants go on for the grace and no longer.

It is stopped in two ways: frozen (SIGSTOP: its sockets still take connections), and killed while the supervisor is
frozen and can't start another. In both nobody is let in who was not in before.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from tests.installation import Installation, installation
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Answer, Lost, Office, Phone, basic, hang_up, open_connection
from tests.servers.processes import server_directory, wait_until

pytestmark = pytest.mark.alone

GRACE = 6.0
HEARTBEAT = 1.0
LATE = 1.5
"""How much later than it should a busy machine may do something."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "reached.log"


@pytest.fixture
def site(log: Path) -> Iterator[Installation]:
    with server_directory("echo") as folder, echo_backend(folder, log=log) as url:
        with installation(backend=url, workers=2, gateway=f"grant_grace_seconds = {GRACE}") as running:
            yield running


async def ask(site: Installation, phone: Phone, authorization: bytes | None = None) -> Answer:
    """One request on the phone's connection, or on a new one where that is gone."""
    if phone.connection is None or not phone.connection.is_open:
        phone.connection = await open_connection(site.port, site.context(), phone.source)
    nonce = phone.nonce() if authorization is None else b"THIEF"
    request = phone.request(b"", nonce=nonce, authorization=authorization)
    answer = await phone.connection.exchange(request, seconds=20)
    if answer.status == 200:
        assert answer.body == b"%b %b " % (phone.user.encode(), nonce)
    return answer


async def live_through(site: Installation, down: Down, log: Path) -> None:
    office = Office(site)
    office.add_accounts(["alice", "bob", "carol"])
    live, pinging = office.phone("alice", "LIVE01"), office.phone("bob", "PING01", "ntlm")
    fresh = office.phone("carol", "FRESH01")
    thief = Phone("alice", "", "LIVE01")
    phones = [live, pinging, fresh, thief]
    try:
        assert (await ask(site, live)).status == 200
        await pinging.connect(site.port, site.context())
        assert pinging.connection is not None
        ping = asyncio.ensure_future(
            pinging.connection.exchange(pinging.request(b"", nonce=b"ping", wish=b"hang"))
        )
        async with asyncio.timeout(20):
            while b" ping\n" not in log.read_bytes():
                await asyncio.sleep(0.02)
        with down:
            await _while_down(site, live, ping, [fresh, thief], down.begun)
        # Each connection may be another worker's, and each worker finds identity by itself.
        for phone in (live, fresh):
            assert (await _once_back(site, phone)).status == 200
        assert (await _once_back(site, thief, basic("alice", "wrong"))).status == 401
    finally:
        await hang_up(phones)


async def _while_down(
    site: Installation, live: Phone, ping: asyncio.Future[Answer], new: list[Phone], begun: float
) -> None:
    newcomers = asyncio.ensure_future(_knock(site, new, begun + GRACE + 3))
    served_until = begun
    while time.monotonic() < begun + GRACE + HEARTBEAT + LATE:
        answer = await ask(site, live)
        if answer.status != 200:
            break
        served_until = time.monotonic()
        await asyncio.sleep(0.05)
    print(f"served for {served_until - begun:.2f} s")
    # The grace is counted from the last heartbeat, which came up to a second (and what it was late) before identity went.
    assert GRACE - HEARTBEAT - LATE <= served_until - begun <= GRACE + LATE
    assert answer.status == 503
    assert answer.value(b"retry-after")
    try:
        cut = await asyncio.wait_for(ping, LATE)
    except Lost:
        cut = None
    assert cut is None or (cut.status == 503 and cut.value(b"retry-after")), cut
    assert (await ask(site, live)).status == 503
    await newcomers


async def _knock(site: Installation, new: list[Phone], until: float) -> None:
    """Who was not in when identity went does not come in, with the right password or a wrong one."""
    knocked = 0
    while time.monotonic() < until:
        for phone in new:
            answer = await ask(site, phone)
            assert answer.status == 503, (phone.user, answer)
            assert int(answer.value(b"retry-after")) > 0
            knocked += 1
    assert knocked > 2


async def _once_back(site: Installation, phone: Phone, authorization: bytes | None = None) -> Answer:
    """The first answer that isn't "come again later"."""
    deadline = time.monotonic() + 20
    while (answer := await ask(site, phone, authorization)).status == 503:
        assert time.monotonic() < deadline, "identity is back and the phone is not served"
        await asyncio.sleep(0.1)
    return answer


class Down:
    """Freezes or kills identity while the block runs."""

    def __init__(self, site: Installation, *, killed: bool) -> None:
        self._site = site
        self._killed = killed
        self.begun = 0.0

    def __enter__(self) -> None:
        (identity,) = self._site.children("identity")
        assert self._site.process is not None
        self._stopped = self._site.process.pid if self._killed else identity
        os.kill(self._stopped, signal.SIGSTOP)
        if self._killed:
            os.kill(identity, signal.SIGKILL)
        self.begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        os.kill(self._stopped, signal.SIGCONT)


def test_identity_frozen(site: Installation, log: Path) -> None:
    uvloop.run(live_through(site, Down(site, killed=False), log))
    check_no_thief(log)
    site.wait_for_log_line("reason=identity-unavailable", "status=503")


def test_identity_killed_and_not_started_again(site: Installation, log: Path) -> None:
    uvloop.run(live_through(site, Down(site, killed=True), log))
    check_no_thief(log)
    wait_until(site.is_healthy, "healthy again")
    site.wait_for_log_line("child-died", "child=identity")


def check_no_thief(log: Path) -> None:
    """The thief was the last to ask, and what reaches the back end is written down before its answer."""
    reached = log.read_bytes()
    assert b"carol" in reached, "the one before him stands there"
    assert b"THIEF" not in reached
