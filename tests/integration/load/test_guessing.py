"""Guesses at a human-chosen secret: the limits hold on two workers, in parallel, and across a restart.

That no more than the limit is evaluated shows from outside: the right PIN, sent after it, is refused like a wrong one.
And it shows in identity's own record: how many attempts ended as wrong, and how many were locked out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
import uvloop

from handfast.identity.audit import AuditEvent
from tests.installation import Installation, installation
from tests.integration.load.echo_backend import echo_backend
from tests.integration.load.phones import Answer, Office, Phone, basic, open_connection
from tests.servers.processes import server_directory, wait_until

pytestmark = pytest.mark.alone

PIN = "471108"
PARALLEL = 200
PER_ACCOUNT_AND_SOURCE = 10
PER_ACCOUNT = 50
PER_SOURCE = 100


@pytest.fixture
def site() -> Iterator[Installation]:
    with server_directory("echo") as folder, echo_backend(folder) as url:
        with installation(backend=url, workers=2, publication="human_secrets = true") as running:
            yield running


async def guess(site: Installation, user: str, secret: str, source: str, device: str = "STRANGE1") -> Answer:
    """One sign-in on a connection of its own."""
    phone = Phone(user, secret, device, source=source)
    connection = await open_connection(site.port, site.context(), source)
    try:
        request = phone.request(b"", nonce=b"guess", authorization=basic(user, secret))
        return await connection.exchange(request)
    finally:
        connection.abort()
        await connection.lost.wait()


async def guess_patiently(site: Installation, *one: str) -> int:
    """The status of a sign-in, which is tried again while we are told to come back later."""
    while True:
        answer = await guess(site, *one)
        if answer.status != 503:
            return answer.status
        assert answer.value(b"retry-after")
        await asyncio.sleep(0.5)


def try_one(site: Installation, *one: str) -> int:
    """The status of one sign-in, in the end."""
    return uvloop.run(guess_patiently(site, *one))


def guess_all(site: Installation, guesses: list[tuple[str, str, str]]) -> set[int]:
    """All at once; (user, secret, source) each. The statuses: 503 where the slow hash has too long a queue."""

    async def all_at_once() -> list[Answer]:
        return await asyncio.gather(*(guess(site, *one) for one in guesses))

    return {answer.status for answer in uvloop.run(all_at_once())}


def reasons(site: Installation, user: str) -> Counter[str]:
    """How often each reason was given for a login, by the decision log."""
    found: Counter[str] = Counter()
    for line in site.log_lines(" handfast decision "):
        if user in line.partition(" login=")[2].split()[0]:
            found[line.partition(" reason=")[2].split()[0]] += 1
    return found


def wait_for_reasons(site: Installation, user: str, count: int) -> None:
    """Until so many decisions about a login are in the log: a record follows its answer by a moment."""
    wait_until(lambda: reasons(site, user).total() >= count, f"{count} decisions about {user} are in the log")


def wrong_pins(count: int) -> list[str]:
    pins = (f"9{number:05}" for number in range(count + 1))
    return [pin for pin in pins if pin != PIN][:count]


def add_people(site: Installation, *users: str) -> Office:
    office = Office(site)
    office.add_accounts(users)
    for user in users:
        office.call("account_set_pin", account=user, pin=PIN)
    return office


def test_200_parallel_guesses_from_one_source_evaluate_no_more_than_ten(site: Installation) -> None:
    office = add_people(site, "alice")
    phone = office.phone("alice", "PAIRED01")
    assert try_one(site, "alice", phone.password, "127.0.0.9", "PAIRED01") == 200

    statuses = guess_all(site, [("alice", pin, "127.0.0.1") for pin in wrong_pins(PARALLEL)])

    assert statuses <= {401, 503}
    wait_for_reasons(site, "alice", 1 + PARALLEL)
    assert 0 < reasons(site, "alice")["credential-wrong"] <= PER_ACCOUNT_AND_SOURCE
    assert len(office.call("audit_show", event=AuditEvent.LOCKOUT_BEGUN.value)) == 1
    evaluated = reasons(site, "alice")["credential-wrong"]

    site.stop()
    site.start()

    # The right PIN, in the middle of further guesses: it is not even looked at.
    wrong = wrong_pins(20)
    pins = [*wrong[:10], PIN, PIN, *wrong[10:]]
    assert guess_all(site, [("alice", pin, "127.0.0.1") for pin in pins]) <= {401, 503}
    assert try_one(site, "alice", PIN, "127.0.0.1") == 401
    # The PIN asked for again may stand in the line of the first time.
    wait_for_reasons(site, "alice", 1 + PARALLEL + len(wrong) + 1)
    assert reasons(site, "alice")["credential-wrong"] == evaluated
    assert reasons(site, "alice")["account-locked-out"] > 0
    # A generated secret is no guess: its phone goes in from the very same address, and so does the right PIN elsewhere.
    assert try_one(site, "alice", phone.password, "127.0.0.1", "PAIRED01") == 200
    assert try_one(site, "alice", PIN, "127.0.0.2", "OTHER002") == 200


def test_guesses_from_everywhere_stop_at_the_account_s_own_limit(site: Installation) -> None:
    office = add_people(site, "bob")
    phone = office.phone("bob", "PAIRED02")
    assert try_one(site, "bob", phone.password, "127.0.0.9", "PAIRED02") == 200
    pins = wrong_pins(PARALLEL)
    half = PARALLEL // 2

    async def guess_beside_a_phone() -> tuple[set[int], set[int]]:
        """While the guesses run, the paired phone signs in from addresses that never signed in before."""
        guesses = asyncio.gather(
            *(guess(site, "bob", pin, f"127.0.1.{number}") for number, pin in enumerate(pins[:half]))
        )
        asked = {
            (await guess(site, "bob", phone.password, "127.0.0.9", "PAIRED02")).status for _ in range(20)
        }
        return {answer.status for answer in await guesses}, asked

    guessed, asked = uvloop.run(guess_beside_a_phone())
    assert guessed <= {401, 503}
    assert asked == {200}
    site.stop()
    site.start()
    late = [("bob", pin, f"127.0.3.{number}") for number, pin in enumerate([PIN, *pins[half:]])]
    assert guess_all(site, late) <= {401, 503}
    assert try_one(site, "bob", PIN, "127.0.4.1") == 401

    wait_for_reasons(site, "bob", 21 + half + len(late) + 1)
    assert 0 < reasons(site, "bob")["credential-wrong"] <= PER_ACCOUNT
    assert reasons(site, "bob")["account-locked-out"] > 0
    assert reasons(site, "bob")["allowed"] == 21
    assert try_one(site, "bob", phone.password, "127.0.0.9", "PAIRED02") == 200
    # The administrator can end it.
    site.cli("counter", "clear", "--account", "bob")
    assert try_one(site, "bob", PIN, "127.0.4.2", "OTHER003") == 200


def test_one_source_that_tries_every_account_stops_at_a_hundred(site: Installation) -> None:
    users = [f"person{number:03}" for number in range(25)]
    add_people(site, *users)
    guesses = [(user, pin, "127.0.0.7") for user in users for pin in wrong_pins(PARALLEL // len(users))]
    assert guess_all(site, guesses) <= {401, 503}
    site.stop()
    site.start()
    # Nobody's counter is full but the source's, so the right PIN is refused from there, and taken from elsewhere.
    assert guess_all(site, [(user, PIN, "127.0.0.7") for user in users]) <= {401, 503}
    assert try_one(site, users[0], PIN, "127.0.0.7") == 401
    assert 0 < reasons(site, "person")["credential-wrong"] <= PER_SOURCE
    assert try_one(site, users[0], PIN, "127.0.0.8") == 200
