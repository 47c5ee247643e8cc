"""Known and unknown names, wrong secrets and locked accounts: the same bytes, and times that tell nothing.

Tries of every kind are interleaved in random order, each from an address of its own (a source that fails often waits
longer, whatever it tried). The area under the ROC curve says how well the time would tell two kinds apart: 0.5 is not
at all. With n tries a kind its standard error is 0.41 / sqrt(n): 0.013 for 1,000, 0.029 for 200.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import statistics
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime

import pytest
import uvloop

from tests.fakes.ntlm_client import NtlmClient
from tests.installation import Installation, installation
from tests.integration.load.comparison import auc
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Answer, Office, Phone, basic, open_connection
from tests.servers.processes import server_directory

pytestmark = pytest.mark.alone

LIMIT = 0.55
PIN = "471108"
Try = tuple[str, str]
"""(kind, user name)"""
Ask = Callable[[Installation, str, str], Coroutine[None, None, tuple[Answer, float]]]


@pytest.fixture
def backend() -> Iterator[str]:
    with server_directory("echo") as folder, echo_backend(folder) as url:
        yield url


async def ask_basic(site: Installation, user: str, source: str) -> tuple[Answer, float]:
    """One guess; the seconds from the request to its answer, without the handshake."""
    connection = await open_connection(site.port, site.context(), source)
    try:
        phone = Phone(user, "", "STRANGE1", source=source)
        request = phone.request(b"", nonce=b"guess", authorization=basic(user, "905117"))
        begun = time.perf_counter()
        answer = await connection.exchange(request)
        return answer, time.perf_counter() - begun
    finally:
        connection.abort()
        await connection.lost.wait()


async def ask_ntlm(site: Installation, user: str, source: str) -> tuple[Answer, float]:
    """One guess by NTLM; the seconds of its last leg."""
    connection = await open_connection(site.port, site.context(), source)
    try:
        phone = Phone(user, "", "STRANGE1", "ntlm", source)
        client = NtlmClient(user, "CONTOSO", "wrong-password", now=datetime.now(UTC))
        first = await connection.exchange(
            phone.request(b"", nonce=b"-", authorization=b"NTLM " + b64encode(client.negotiate()))
        )
        challenge = next(one[5:] for one in first.fields[b"www-authenticate"] if one.startswith(b"NTLM "))
        proof = b"NTLM " + b64encode(client.authenticate(b64decode(challenge)))
        request = phone.request(b"", nonce=b"guess", authorization=proof)
        begun = time.perf_counter()
        answer = await connection.exchange(request)
        return answer, time.perf_counter() - begun
    finally:
        connection.abort()
        await connection.lost.wait()


def measure(
    site: Installation, ask: Ask, tries: list[Try], *, parallel: int, seed: int = 20
) -> tuple[dict[str, set[bytes]], dict[str, list[float]]]:
    """What each kind was answered (its id and date left out), and how long each answer took.

    `seed` makes the order: what came behind whom in the queue is chance of its own, so each round has another.
    """
    answers: dict[str, set[bytes]] = {}
    seconds: dict[str, list[float]] = {}
    order = random.Random(seed).sample(tries, len(tries))
    waiting = iter(order)
    # Each round from addresses of its own: what was wrong from an address before is answered from memory.
    sources = (f"127.{seed}.{number // 250}.{number % 250 + 1}" for number in itertools.count())

    async def work() -> None:
        for kind, user in waiting:
            answer, took = await ask(site, user, next(sources))
            answers.setdefault(kind, set()).add(essence(answer))
            seconds.setdefault(kind, []).append(took)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(parallel):
                group.create_task(work())

    uvloop.run(run())
    return answers, seconds


def essence(answer: Answer) -> bytes:
    """All that a client sees but the request's own id and the date."""
    fields = sorted(
        (name, value)
        for name, values in answer.fields.items()
        if name not in (b"x-request-id", b"date")
        for value in values
    )
    body = re.sub(answer.value(b"x-request-id"), b"ID", answer.body)
    return repr((answer.status, fields, body)).encode()


def check_alike(site: Installation, ask: Ask, tries: list[Try], *, parallel: int) -> None:
    """Measures once; where chance may have parted two kinds, up to three times more, and all tries together count."""
    answers, seconds = measure(site, ask, tries, parallel=parallel)
    for again in range(3):
        if worst(seconds) < LIMIT:
            break
        more_answers, more_seconds = measure(site, ask, tries, parallel=parallel, seed=21 + again)
        for kind in seconds:
            answers[kind] |= more_answers[kind]
            seconds[kind] += more_seconds[kind]
    everything = set().union(*answers.values())
    assert len(everything) == 1, everything
    assert b"(401, " in everything.pop()
    medians = {kind: round(statistics.median(times), 4) for kind, times in seconds.items()}
    print(f"AUC {worst(seconds):.3f}, medians {medians}")
    assert worst(seconds) < LIMIT, medians


def worst(seconds: dict[str, list[float]]) -> float:
    """The largest AUC of any two kinds."""
    return max(auc(seconds[one], seconds[other]) for one, other in itertools.combinations(seconds, 2))


def test_app_passwords_2000_tries_by_basic(backend: str) -> None:
    with installation(backend=backend, workers=2) as site:
        office = Office(site)
        office.add_accounts(["alice", "bob", "carol"])
        for user in ("alice", "bob"):
            for _ in range(5):
                office.phone(user, "PAIRED01", "ntlm")
        tries = [("known", ("alice", "bob", "carol")[number % 3]) for number in range(1000)]
        tries += [("unknown", f"{'xyz'[number % 3]}lice{number}") for number in range(1000)]
        check_alike(site, ask_basic, tries, parallel=24)


def test_app_passwords_by_ntlm(backend: str) -> None:
    """An account with many candidates, one with none, and names nobody has."""
    with installation(backend=backend, workers=2) as site:
        office = Office(site)
        office.add_accounts(["many", "none"])
        for _ in range(8):
            office.phone("many", "PAIRED01", "ntlm")
        tries = [("many", "many"), ("none", "none"), ("unknown", "nobody")] * 400
        check_alike(site, ask_ntlm, tries, parallel=16)


def test_pins_wrong_unknown_and_locked(backend: str) -> None:
    """With human-chosen secrets every try costs a slow hash, also for names nobody has and accounts that are locked."""
    count = 200
    with installation(backend=backend, workers=2, publication="human_secrets = true") as site:
        office = Office(site)
        with_pin = [f"person{number:02}" for number in range(10)]
        without = [f"plain{number:02}" for number in range(10)]
        office.add_accounts([*with_pin, *without, "locked"])
        for user in [*with_pin, "locked"]:
            office.call("account_set_pin", account=user, pin=PIN)
        measure(site, ask_basic, [("locking", "locked")] * 50, parallel=4, seed=19)
        # Few enough a name that it does not lock: 50 for an account, 10 for a bucket of unknown names.
        tries = [("known", (with_pin + without)[number % 20]) for number in range(count)]
        tries += [("unknown", f"nobody{number}") for number in range(count)]
        tries += [("locked", "locked")] * count
        check_alike(site, ask_basic, tries, parallel=3)
        site.wait_for_log_line("reason=account-locked-out", 'locked" account', count=count)
        site.wait_for_log_line("reason=credential-wrong", count=count)
        site.wait_for_log_line("reason=account-unknown", count=int(count * 0.95))
