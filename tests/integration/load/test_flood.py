"""Under a flood of guesses a paired phone is served as before: its 99th percentile stays within twice what it was.

The phone's server answers at once, so that nothing but the gateway's own time is compared. Quiet and flooded rounds
alternate in one run, so that both see the same machine; the median of the rounds' ratios counts. A machine that is
busy otherwise shows in both halves of a round alike; where it may have parted them by chance, more rounds follow, and all
of them count.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from tests.installation import Installation, installation
from tests.integration.load.comparison import percentile
from tests.integration.load.echo_backend import ROOT, echo_backend
from tests.integration.load.phones import Connection, Office, Phone, basic, hang_up, open_connection
from tests.servers.processes import server_directory

pytestmark = pytest.mark.alone

ROUNDS, MOST_ROUNDS = 7, 21
ROUND_SECONDS = 3.0
FLOOD = 200
"""Guesses of a round at least; the attackers stand back, and on a busy machine a round lasts until they have sent them."""
FLOOD_SECONDS = 30.0
ALLOWED_RATIO = 2
PHONES = 4
PAUSE_SECONDS = 0.01
ATTACKERS = 64
GUESSES_A_SOURCE = 5


@pytest.fixture
def site() -> Iterator[Installation]:
    with server_directory("echo") as folder, echo_backend(folder) as url:
        with installation(backend=url, workers=2) as running:
            yield running


async def attack(port: int, ca_file: str, users: list[str]) -> None:
    """As many wrong passwords as 64 connections can send, for ever: known and unknown names, from ever new addresses.

    A source's failures wait longer and longer from the sixth on, so the attackers change theirs after five: that is the
    fastest they can be. In another network they would also be on other processors; here they stand back.
    """
    os.nice(10)
    context = ssl.create_default_context(cafile=ca_file)
    numbers = itertools.count()
    sources = itertools.count(os.getpid() % 1000 * 50)
    names = [*users, *(f"nobody{number}" for number in range(50))]

    async def guess_on() -> None:
        await asyncio.sleep(random.random() * 0.25)
        while True:
            at = next(sources)
            source = f"127.{5 + at // 62_500 % 200}.{at // 250 % 250}.{at % 250 + 1}"
            connection = await open_connection(port, context, source)
            try:
                for _ in range(GUESSES_A_SOURCE):
                    await guess(connection, source)
            finally:
                connection.abort()

    async def guess(connection: Connection, source: str) -> None:
        number = next(numbers)
        user = names[number % len(names)]
        phone = Phone(user, "", f"GUESS{number % 7}", source=source)
        wrong = basic(user, f"wrong-{number}")
        answer = await connection.exchange(phone.request(b"", nonce=b"guess", authorization=wrong))
        assert answer.status == 401, answer
        print(end=".", flush=True)

    await asyncio.gather(*(guess_on() for _ in range(ATTACKERS)))


async def ask(
    phone: Phone, seconds: float, times: list[float], is_enough: Callable[[], bool] = lambda: True
) -> None:
    """Requests with a short pause between them, for so long and until it is enough: the time of each."""
    ends = time.perf_counter() + seconds
    connection = phone.connection
    assert connection is not None
    while time.perf_counter() < ends or not is_enough():
        nonce = phone.nonce()
        begun = time.perf_counter()
        answer = await connection.exchange(phone.request(b"x" * 100, nonce=nonce))
        times.append(time.perf_counter() - begun)
        assert answer.body.startswith(phone.user.encode() + b" " + nonce)
        await asyncio.sleep(PAUSE_SECONDS)


def test_a_paired_phone_hardly_notices_a_flood_of_guesses(site: Installation) -> None:
    office = Office(site)
    users = [f"user{number:02}" for number in range(PHONES)]
    office.add_accounts(users)
    phones = [office.phone(user, f"PHONE{user}") for user in users]
    guesses = site.folder / "guesses"

    def sent() -> int:
        return guesses.stat().st_size

    async def p99(is_enough: Callable[[], bool] = lambda: True) -> float:
        times: list[float] = []
        async with asyncio.timeout(ROUND_SECONDS + FLOOD_SECONDS):
            await asyncio.gather(*(ask(phone, ROUND_SECONDS, times, is_enough) for phone in phones))
        assert len(times) > 200
        return percentile(times, 0.99)

    async def flooded() -> float:
        with flood(site, users, guesses):
            await asyncio.sleep(0.7)
            enough = sent() + FLOOD
            return await p99(lambda: sent() >= enough)

    async def measure() -> list[tuple[float, float]]:
        try:
            for phone in phones:
                await phone.connect(site.port, site.context())
                await ask(phone, 0.2, [])
            rounds: list[tuple[float, float]] = []
            while len(rounds) < ROUNDS or (len(rounds) < MOST_ROUNDS and worse(rounds) > ALLOWED_RATIO):
                rounds.append((await p99(), await flooded()))
            return rounds
        finally:
            await hang_up(phones)

    rounds = uvloop.run(measure())
    print([(round(1000 * quiet, 2), round(1000 * flooded, 2)) for quiet, flooded in rounds], sent())
    assert worse(rounds) <= ALLOWED_RATIO, rounds


def worse(rounds: list[tuple[float, float]]) -> float:
    """The median of how much longer it took under the flood."""
    return statistics.median(flooded / quiet for quiet, flooded in rounds)


class flood:  # noqa: N801 - reads as what happens while the block runs
    """The attackers, in a process of their own."""

    def __init__(self, site: Installation, users: list[str], log: Path) -> None:
        self._command = [sys.executable, "-m", __name__, str(site.port), str(site.ca_file), *users]
        self._log = log

    def __enter__(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, cwd=ROOT)

    def __exit__(self, *_: object) -> None:
        assert self._process.poll() is None, "the attackers gave up"
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    uvloop.run(attack(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
