"""Questions and proofs of many accounts with a mechanism in memory: what one account does stays that account's."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.kerberos.delegation import KerberosDelegation
from handfast.kerberos.failures import KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE, KRB5_REALM_UNKNOWN
from handfast.kerberos.mechanism import Credential, Initiation, MechanismError, Unidentified
from handfast.kerberos.refusals import REFUSED_SECONDS
from handfast.kerberos.waiting import MAX_PER_ACCOUNT, MAX_WAITING
from tests.fakes.kerberos_mechanism import BADOPTION, SERVICE_ACCOUNT, FakeMechanism, sid_of

REALM = "CONTOSO.LAB"
SPN = "HTTP/fe"


def account(user: str, number: int = 1, realm: str = REALM) -> Account:
    now = datetime.now(UTC)
    facts = DirectoryFacts(realm, now, is_delegable=True)
    return Account(
        AccountId(number), user, "CONTOSO", "", AccountState.ENABLED, now, sid=sid_of(user), directory=facts
    )


ALICE, BOB, NOBODY = account("alice", 1), account("bob", 2), account("nobody", 3)
STRANGER = account("stranger", 4, "FABRIKAM.LAB")


class OwnKeys:
    """Our own ticket without a key table."""

    generation = 0

    def __init__(self, mechanism: FakeMechanism) -> None:
        self.mechanism = mechanism

    def sign_in(self, now: float) -> Credential:
        return Credential(SERVICE_ACCOUNT, 36000.0)

    def identify(self, own: Credential, user: Credential) -> str:
        return self.mechanism.identify(own, user, "")


class Mechanism(FakeMechanism):
    """Fails for single accounts: `said` is by principal. `held` threads wait for the KDC of `deaf_realm`."""

    said: dict[str, int]
    deaf_realm = ""
    held = 0
    unreachable: dict[str, int]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.hears = threading.Event()
        self.unreachable = {}

    def impersonate(self, service: Credential, principal: str) -> Credential:
        if principal.rpartition("@")[2] == self.deaf_realm:
            self.held += 1
            assert self.hears.wait(10)
        found = super().impersonate(service, principal)
        if principal in self.said:
            raise MechanismError(self.said[principal], "for this one")
        return found

    def initiate(self, user: Credential, service_principal: str, channel_binding: bytes) -> Initiation:
        if service_principal in self.unreachable:
            self.calls.append(("initiate", service_principal))
            raise MechanismError(self.unreachable[service_principal], "no KDC of another realm")
        return super().initiate(user, service_principal, channel_binding)


class World:
    def __init__(self, deadline_seconds: float = 5.0, *, threads: int = 2) -> None:
        self.now = 1000.0
        self.silences = 0
        self.mechanism = Mechanism()
        self.mechanism.users |= {"nobody@CONTOSO.LAB", "stranger@FABRIKAM.LAB"}
        self.mechanism.said = {}
        self.delegation = KerberosDelegation(
            self.mechanism,
            OwnKeys(self.mechanism),
            REALM,
            deadline_seconds=deadline_seconds,
            threads=threads,
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
    world.delegation.forget(BOB.id)
    await world.signed_in(BOB)


@pytest.mark.parametrize("code", [20, 31, 32, 41])
async def test_where_our_own_ticket_may_be_what_is_wrong_the_next_question_is_put_at_once(world, code):
    world.mechanism.said = {"bob@CONTOSO.LAB": code}
    await world.failure(BOB)
    world.mechanism.said = {}
    await world.signed_in(BOB)


async def test_a_ticket_of_another_account_is_never_used_and_never_kept(world):
    """Somebody else has the name, to the KDC: no ticket is asked for with what it gave."""
    world.mechanism.sids = {"alice@CONTOSO.LAB": sid_of("bob")}
    for _ in range(3):
        assert await world.failure(ALICE) is DelegationFailure.OTHER_ACCOUNT
    assert (world.mechanism.count("impersonate"), world.mechanism.count("initiate")) == (1, 0)
    assert world.silences == 0
    world.mechanism.sids = {}
    world.now += REFUSED_SECONDS
    await world.signed_in(ALICE)


async def test_a_ticket_stays_the_accounts_of_that_sid(world):
    await world.signed_in(ALICE)
    made_anew = replace(ALICE, sid="S-1-5-21-1-2-3-9")
    assert await world.failure(made_anew) is DelegationFailure.OTHER_ACCOUNT
    world.mechanism.sids = {"alice@CONTOSO.LAB": "S-1-5-21-1-2-3-9"}
    world.now += REFUSED_SECONDS
    await world.signed_in(made_anew)


@pytest.mark.parametrize(
    ("error", "failure", "asked"),
    [
        (Unidentified("the ticket has no PAC"), DelegationFailure.UNIDENTIFIED, 1),
        (MechanismError(44, "not with that enctype"), DelegationFailure.KEYTAB, 3),
    ],
)
async def test_evidence_that_cannot_be_read_is_worth_nothing(world, error, failure, asked):
    world.mechanism.errors = {"identify": error}
    for _ in range(3):
        assert await world.failure(ALICE) is failure
    assert (world.mechanism.count("impersonate"), world.mechanism.count("initiate")) == (asked, 0)
    assert world.silences == 0


@pytest.mark.parametrize("code", [KRB5_REALM_UNKNOWN, KRB5_REALM_CANT_RESOLVE, KRB5_KDC_UNREACH])
async def test_a_service_that_is_referred_to_nowhere_stops_no_other(world, code):
    world.mechanism.unreachable = {"HTTP/elsewhere@CONTOSO.LAB": code}
    for _ in range(5):
        await world.failure(ALICE, "HTTP/elsewhere")
    await world.signed_in(BOB)
    assert world.silences == 0
    assert world.mechanism.count("initiate") == (6 if code == KRB5_KDC_UNREACH else 2), (
        "remembered where it lasts"
    )


async def test_who_waits_while_others_are_answered_does_not_make_a_silent_kdc():
    """There are more people than threads, and the KDC answers each question at once."""
    world = World(deadline_seconds=0.02)
    world.mechanism.silence.clear()
    lane = world.delegation._lanes.of(REALM)
    lane.note_answer(world.now + 0.01)  # while they wait: the clock stands still here
    try:
        for _ in range(3):
            assert await world.failure(BOB) is DelegationFailure.UNAVAILABLE
        assert (world.silences, lane.breaker.is_open) == (0, False)
    finally:
        world.mechanism.silence.set()
        await world.delegation.close()


async def test_one_thread_that_hangs_is_a_silent_kdc_to_those_who_wait_for_it():
    world = World(deadline_seconds=0.05, threads=1)
    world.mechanism.silence.clear()
    try:
        for who in (ALICE, BOB, NOBODY):
            assert await world.failure(who) is DelegationFailure.UNAVAILABLE
        assert (world.silences, world.mechanism.count("impersonate") <= 1) == (3, True)
        assert world.delegation._lanes.of(REALM).breaker.is_open
    finally:
        world.mechanism.silence.set()
        await world.delegation.close()


async def test_a_refusal_of_our_own_key_that_nobody_was_asked_for_says_nothing_of_the_kdc(world, monkeypatch):
    world.mechanism.said = {"bob@CONTOSO.LAB": KRB5_KDC_UNREACH}
    for _ in range(2):
        await world.failure(BOB)

    def refuse(now):
        raise DelegationRefused(DelegationFailure.KEYTAB, "refused lately")

    world.now += 36000
    with monkeypatch.context() as patched:
        patched.setattr(OwnKeys, "sign_in", lambda keys, now: refuse(now))
        assert await world.failure(ALICE) is DelegationFailure.KEYTAB
    await world.failure(BOB)
    assert world.silences == 3
    assert await world.failure(ALICE) is DelegationFailure.UNAVAILABLE, "three in a row"
