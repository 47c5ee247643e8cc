"""Questions and proofs of many accounts with a mechanism in memory: what one account does stays that account's."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.kerberos.delegation import KerberosDelegation
from handfast.kerberos.failures import KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE
from handfast.kerberos.mechanism import Credential, MechanismError
from handfast.kerberos.refusals import REFUSED_SECONDS
from handfast.kerberos.waiting import MAX_PER_ACCOUNT, MAX_WAITING
from tests.fakes.kerberos_mechanism import BADOPTION, SERVICE_ACCOUNT, FakeMechanism

REALM = "CONTOSO.LAB"
SPN = "HTTP/fe"


def account(user: str, number: int = 1, realm: str = REALM) -> Account:
    now = datetime.now(UTC)
    facts = DirectoryFacts(realm, now, is_delegable=True)
    return Account(AccountId(number), user, "CONTOSO", "", AccountState.ENABLED, now, directory=facts)


ALICE, BOB, NOBODY = account("alice", 1), account("bob", 2), account("nobody", 3)
STRANGER = account("stranger", 4, "FABRIKAM.LAB")


class OwnKeys:
    """Our own ticket without a key table."""

    generation = 0

    def sign_in(self, now: float) -> Credential:
        return Credential(SERVICE_ACCOUNT, 36000.0)


class Mechanism(FakeMechanism):
    """Fails for single accounts: `said` is by principal. `held` threads wait for the KDC of `deaf_realm`."""

    said: dict[str, int]
    deaf_realm = ""
    held = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.hears = threading.Event()

    def impersonate(self, service: Credential, principal: str) -> Credential:
        if principal.rpartition("@")[2] == self.deaf_realm:
            self.held += 1
            assert self.hears.wait(10)
        found = super().impersonate(service, principal)
        if principal in self.said:
            raise MechanismError(self.said[principal], "for this one")
        return found


class World:
    def __init__(self, deadline_seconds: float = 5.0) -> None:
        self.now = 1000.0
        self.silences = 0
        self.mechanism = Mechanism()
        self.mechanism.users |= {"nobody@CONTOSO.LAB", "stranger@FABRIKAM.LAB"}
        self.mechanism.said = {}
        self.delegation = KerberosDelegation(
            self.mechanism,
            OwnKeys(),
            REALM,
            deadline_seconds=deadline_seconds,
            threads=2,
            clock=lambda: self.now,
            on_silence=self.on_silence,
        )

    def on_silence(self, asked_at: float, now: float) -> None:
        self.silences += 1

    async def failure(self, who: Account, spn: str = SPN) -> DelegationFailure:
        with pytest.raises(DelegationRefused) as refused:
            await self.delegation.sign_in(who, spn, b"")
        return refused.value.failure

    async def signed_in(self, who: Account) -> str:
        return (await self.delegation.sign_in(who, SPN, b"")).handle


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.delegation.close()


PROOF = b"proof of alice@CONTOSO.LAB to HTTP/fe@CONTOSO.LAB"


async def test_a_proof_is_good_or_not_good_for_a_context_that_is_held(world):
    good, bad = await world.signed_in(ALICE), await world.signed_in(ALICE)
    assert await world.delegation.confirm(good, PROOF)
    assert await world.delegation.confirm(bad, b"other") is False


async def test_of_a_context_that_is_gone_nothing_is_said(world):
    used, late = await world.signed_in(ALICE), await world.signed_in(ALICE)
    await world.delegation.confirm(used, PROOF)
    world.now += 60
    for handle in (used, late, "", "never-given"):
        with pytest.raises(Unavailable):
            await world.delegation.confirm(handle, PROOF)


async def test_of_a_proof_that_threads_have_no_time_for_nothing_is_said(world, monkeypatch):
    handle = await world.signed_in(ALICE)

    def is_full(work):
        raise Unavailable("too much waits")

    monkeypatch.setattr(world.delegation._warm, "submit", is_full)
    with pytest.raises(Unavailable):
        await world.delegation.confirm(handle, PROOF)


async def test_one_accounts_many_contexts_leave_others_theirs(world):
    of_alice = await world.signed_in(ALICE)
    first = await world.signed_in(BOB)
    for _ in range(MAX_PER_ACCOUNT):
        await world.signed_in(BOB)
    assert MAX_PER_ACCOUNT * 100 <= MAX_WAITING
    assert await world.delegation.confirm(of_alice, PROOF)
    with pytest.raises(Unavailable):
        await world.delegation.confirm(first, PROOF)


@pytest.mark.parametrize("code", [29, 60])
async def test_a_kdc_that_cannot_serve_one_account_is_there_for_the_others(world, code):
    world.mechanism.said = {"bob@CONTOSO.LAB": code}
    for _ in range(10):
        assert await world.failure(BOB) is DelegationFailure.UNAVAILABLE
    await world.signed_in(ALICE)
    assert (world.silences, world.mechanism.count("impersonate")) == (0, 11)


@pytest.mark.parametrize("code", [KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE])
async def test_another_realms_silence_is_that_realms(world, code):
    world.mechanism.said = {"stranger@FABRIKAM.LAB": code}
    for _ in range(10):
        assert await world.failure(STRANGER) is DelegationFailure.UNAVAILABLE
    assert world.mechanism.count("impersonate") == 3, "then it is not asked for a while"
    await world.signed_in(ALICE)
    assert world.silences == 0


@pytest.mark.parametrize(("who", "silences"), [(STRANGER, 0), (BOB, 3)])
async def test_deadlines_count_for_the_realm_of_the_account(who, silences):
    world = World(deadline_seconds=0.02)
    world.mechanism.silence.clear()
    try:
        for _ in range(3):
            assert await world.failure(who) is DelegationFailure.UNAVAILABLE
        assert world.silences == silences
        assert world.delegation._lanes.of(REALM).breaker.is_open == bool(silences)
    finally:
        world.mechanism.silence.set()
        await world.delegation.close()


async def test_a_trusted_realm_that_holds_its_threads_holds_none_of_ours():
    world = World(deadline_seconds=1.0)
    world.mechanism.deaf_realm = "FABRIKAM.LAB"
    strangers = [account("stranger", number, "FABRIKAM.LAB") for number in range(10, 30)]
    try:
        failures = await asyncio.gather(*[world.failure(one) for one in strangers])
        assert set(failures) == {DelegationFailure.UNAVAILABLE}
        assert world.mechanism.held == 1, "the threads that one other realm may hold"
        for who in (ALICE, BOB):
            await world.signed_in(who)
        assert world.silences == 0
    finally:
        world.mechanism.hears.set()
        await world.delegation.close()


@pytest.mark.parametrize("code", [KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE])
async def test_our_own_realms_silence_is_everybodys(world, code):
    world.mechanism.said = {"bob@CONTOSO.LAB": code}
    for _ in range(3):
        await world.failure(BOB)
    assert await world.failure(ALICE) is DelegationFailure.UNAVAILABLE
    assert (world.silences, world.mechanism.count("impersonate")) == (3, 3)


async def test_a_refused_account_that_tries_again_and_again_is_asked_for_once_in_a_while(world):
    world.mechanism.said = {"bob@CONTOSO.LAB": BADOPTION}
    for _ in range(20):
        assert await world.failure(BOB) is DelegationFailure.REFUSED
        assert await world.failure(ALICE, "HTTP/nobody") is DelegationFailure.SERVICE_UNKNOWN
    assert world.mechanism.count("impersonate") == 2
    await world.signed_in(ALICE)
    world.mechanism.said = {}
    assert await world.failure(BOB) is DelegationFailure.REFUSED
    world.now += REFUSED_SECONDS
    await world.signed_in(BOB)


async def test_a_forgotten_account_is_asked_for_at_once(world):
    world.mechanism.said = {"bob@CONTOSO.LAB": BADOPTION}
    await world.failure(BOB)
    world.mechanism.said = {}
    world.delegation.forget(BOB)
    await world.signed_in(BOB)


@pytest.mark.parametrize("code", [20, 31, 32, 41])
async def test_where_our_own_ticket_may_be_what_is_wrong_the_next_question_is_put_at_once(world, code):
    world.mechanism.said = {"bob@CONTOSO.LAB": code}
    await world.failure(BOB)
    world.mechanism.said = {}
    await world.signed_in(BOB)
