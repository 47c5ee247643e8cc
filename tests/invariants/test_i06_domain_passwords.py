"""I6 on listeners that take domain passwords: no name shows, whatever the domain controllers do.

Each cell of the table is a process of its own and its first request in that state. What is told, and on which of the
steps that refusals wait for, must be one for all kinds of names and secrets.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.app.shared_work import SharedTasks
from handfast.decision.access_rules import AccessRule
from handfast.decision.directory_waiting import MAX_ASKING, MAX_LOOKING
from handfast.decision.outcome import Decision, Outcome
from handfast.decision.publication import CredentialPolicy
from handfast.decision.stages import credential_basic, credential_domain
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.channels import Channel
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.records import AccountState
from handfast.replies import http as replies
from tests.fakes.domain import FakeDomain, mirror
from tests.fakes.identity_process import MAIL, IdentityProcess

RIGHT = "Sommer-2026"
PIN = "blue-42"
TAKES = replace(
    MAIL,
    credentials=CredentialPolicy(human_secrets=True, domain_password_listeners=frozenset({"inside"})),
)


class World:
    """An identity process, its domain, and accounts of all kinds; every request comes from a source of its own."""

    def __init__(self, publication=TAKES) -> None:
        self.identity = IdentityProcess(publication=publication)
        self.clock = self.identity.clock
        self.domain = FakeDomain(self.clock, passwords={"alice": RIGHT}, takes_seconds=0.02)
        services = replace(self.identity.services, directory=self.domain, shared=SharedTasks())
        self.services = self.identity.services = self.identity.pipeline._services = services
        self._sources = iter(range(1, 250))

    async def fill(self) -> None:
        identity, now = self.identity, self.clock.now()
        await mirror(identity.records, "alice", now, number=1000)
        await mirror(identity.records, "bob", now, number=1001)
        shut = await mirror(identity.records, "shut", now, number=1002)
        await identity.records.write(lambda r: r.accounts.set_state(shut.id, AccountState.DISABLED))
        dave = await mirror(identity.records, "dave", now, number=1003)
        self.app_password, _ = await identity.issue(dave, expires_in=timedelta(days=1))
        self.dead, revoked = await identity.issue(dave)
        await identity.records.write(lambda r: r.app_passwords.revoke(revoked.id, now))
        await mirror(identity.records, "erin", now, number=1004)
        self.domain.unreadable.add("erin")
        await mirror(identity.records, "ruth", now, number=1005)
        self.domain.renamed.add("ruth")
        await mirror(identity.records, "gone", now, number=1100, is_present=False)
        await identity.add_account("local", pin=PIN)
        await identity.add_account("plain")
        for number in range(3):
            await self.guess("bob", f"guess {number}")
        await self.guess("alice", "stale")

    async def guess(self, user: str, secret: str, source: str = "") -> Decision:
        source = source or f"192.0.2.{next(self._sources)}"
        login = f"CONTOSO\\{user}"
        return await self.identity.basic(secret, login=login, listener="inside", source=source)

    async def told(self, user: str, secret: str) -> object:
        """The answer as it leaves, and the seconds until then."""
        began = self.clock.now()
        decision = await self.guess(user, secret.replace("DEAD", self.dead))
        assert decision.outcome is Outcome.DENY, (user, secret)
        passed = (self.clock.now() - began).total_seconds()
        reply = replies.render(
            decision.reason,
            Channel.ACTIVESYNC,
            challenges=(b"Basic",),
            retry_after=decision.retry_after_seconds,
            request_id="r1",
        )
        return reply, round(passed + decision.delay_seconds, 3)


GUESSES = {
    "wrong": ("alice", "wrong"),
    "wrong again": ("alice", "stale"),
    "soft lockout": ("bob", "wrong"),
    "right after the soft lockout": ("bob", RIGHT),
    "under a policy that can't be read": ("erin", "wrong"),
    "called otherwise by now": ("ruth", "wrong"),
    "too long": ("alice", "x" * 257),
    "empty": ("alice", ""),
    "never sent": ("alice", "a\0b"),
    "disabled here": ("shut", "wrong"),
    "gone from the directory": ("gone", "wrong"),
    "revoked app password": ("dave", "DEAD"),
    "local, with a PIN": ("local", "wrong"),
    "local": ("plain", "wrong"),
    "unknown": ("nobody", "wrong"),
    "unknown, too long": ("nobody", "x" * 257),
    "unknown, empty": ("nobody", ""),
}


def healthy(_world, _stack):
    pass


def slow(world, _stack):
    world.domain.takes_seconds = 0.7


def down(world, _stack):
    world.domain.is_down, world.domain.takes_seconds = True, 0.0


def frozen(world, _stack):
    world.domain.is_down, world.domain.takes_seconds = True, 2.0


def unreadable(world, _stack):
    world.domain.is_unreadable = True


def full_of_asking(world, stack):
    for number in range(MAX_ASKING):
        stack.enter_context(world.services.waiting.asking(f"203.0.113.{number}"))


def full_of_looking(world, stack):
    for _ in range(MAX_LOOKING):
        stack.enter_context(world.services.waiting.looking())
    world.clock.advance(seconds=2)


STATES = {
    healthy: (401, 0.5),
    slow: (401, 1.0),
    down: (503, 0.5),
    frozen: (503, 2.0),
    unreadable: (503, 0.5),
    full_of_asking: (503, 0.5),
    full_of_looking: (503, 0.5),
}


async def cell(state, kind: str, publication=TAKES) -> object:
    world = World(publication)
    await world.fill()
    with ExitStack() as stack:
        state(world, stack)
        return await world.told(*GUESSES[kind])


@pytest.mark.parametrize("state", STATES)
async def test_every_name_and_secret_is_told_the_same_at_the_same_step_from_the_first_request_on(state):
    told = {kind: await cell(state, kind) for kind in GUESSES}
    assert len(set(told.values())) == 1, told
    reply, seconds = told["unknown"]
    assert (reply.status, seconds) == STATES[state]


async def test_also_where_no_access_rule_takes_domain_passwords():
    rule = AccessRule("all", credentials=frozenset({CredentialKind.APP_PASSWORD}))
    shut = replace(TAKES, access=(rule,))
    told = {await cell(frozen, kind, shut) for kind in GUESSES}
    assert told == {await cell(frozen, "unknown")}


async def test_request_after_request_of_an_outage_and_after_it():
    """One process, all kinds in turn: nothing that one leaves behind makes the next one's answer another."""
    world = World()
    await world.fill()
    world.domain.is_down = True
    told = {(await world.told(*guess))[0].status for guess in GUESSES.values()}
    assert told == {503}
    world.domain.is_down = False
    told = {(await world.told(*guess))[0].status for guess in GUESSES.values()}
    assert told == {401}


@pytest.mark.parametrize("is_out_before", [False, True])
async def test_guesses_wait_as_long_whatever_others_guessed_before(is_out_before):
    """The domain's word on a password is remembered for all who send it; who guesses waits by his own guesses."""
    world, waits = World(), {}
    for number in range(7):
        await mirror(world.identity.records, f"user{number}", world.clock.now(), number=2000 + number)
    for source, prefix in enumerate(("user", "nobody"), start=1):
        await asyncio.gather(*(world.guess(f"{prefix}{number}", "stale") for number in range(7)))
        if is_out_before:
            world.domain.is_down = True
            await world.guess(f"{prefix}0", "stale", f"198.51.100.{source}")
            world.domain.is_down = False
        guesses = [(f"{prefix}{number}", f"198.51.100.{source}") for number in range(7)]
        waits[prefix] = [(await world.guess(user, "stale", at)).delay_seconds for user, at in guesses * 2]
    assert max(waits["user"]) > min(waits["user"])
    assert waits["user"] == pytest.approx(waits["nobody"], abs=0.03), (
        "but for the 20 ms that a controller takes"
    )


@pytest.mark.parametrize("state", STATES)
async def test_an_app_password_and_a_pin_always_work(state):
    world = World()
    await world.fill()
    with ExitStack() as stack:
        state(world, stack)
        began = world.clock.now()
        assert (await world.guess("local", PIN)).outcome is Outcome.ALLOW
        assert (await world.guess("dave", world.app_password)).outcome is Outcome.ALLOW
        assert world.clock.now() == began, "nobody was asked"


async def test_guesses_at_invented_names_shut_nobody_out_while_controllers_answer():
    world = World()
    await world.fill()
    with ExitStack() as stack:
        full_of_looking(world, stack)
        world.services.waiting.heard(world.clock.now())
        looks = world.domain.looks
        assert (await world.told("nobody", "wrong"))[0].status == 401
        assert world.domain.looks == looks, "nobody more than may waits"
        assert (await world.told("alice", "wrong"))[0].status == 401
        assert (await world.guess("alice", RIGHT)).outcome is Outcome.ALLOW


@pytest.mark.parametrize("user", ["alice", "nobody"])
async def test_what_a_controller_said_of_any_name_does_for_those_who_find_no_room(user):
    world = World()
    await world.fill()
    with ExitStack() as stack:
        full_of_looking(world, stack)
        assert world.services.waiting.is_closed(world.clock.now(), "192.0.2.1")
    await world.guess(user, "wrong")
    with ExitStack() as stack:
        for _ in range(MAX_LOOKING):
            stack.enter_context(world.services.waiting.looking())
        assert not world.services.waiting.is_closed(world.clock.now(), "192.0.2.1")


@pytest.mark.parametrize("kind", GUESSES)
async def test_after_a_slow_refusal_all_are_told_as_late(kind):
    """Who came while somebody waited already heard with him, and so sooner: that it was sooner must not show."""
    world = World()
    await world.fill()
    frozen(world, None)
    await world.guess("nobody", "other")
    down(world, None)
    reply, seconds = await world.told(*GUESSES[kind])
    assert (reply.status, seconds) == (503, 2.0)


@pytest.mark.parametrize("state", [healthy, frozen])
async def test_also_where_the_domain_locks_too_soon_to_be_asked(state):
    told = []
    for user in ("alice", "nobody"):
        world = World()
        await world.fill()
        world.domain.policy = DomainLockout(2, timedelta(minutes=30), None)
        state(world, None)
        told.append(await world.told(user, "wrong"))
    assert told[0] == told[1]
    assert (told[0][0].status, told[0][1]) == STATES[state]


async def test_without_looking_an_account_of_the_directory_shows(monkeypatch):
    async def as_it_was(_services, _request, refused):
        return refused

    monkeypatch.setattr(credential_basic, "refuse_alike", as_it_was)
    assert (await cell(frozen, "wrong"))[0].status == 503
    assert (await cell(frozen, "unknown"))[0].status == 401


@pytest.mark.parametrize("state", [healthy, down])
async def test_what_only_the_directory_knows_not_to_send_is_told_alike_too(monkeypatch, state):
    monkeypatch.setattr(credential_domain, "can_be_domain_password", lambda _secret: True)
    assert await cell(state, "never sent") == await cell(state, "unknown")
