"""I6: wrong password, unknown account and locked account get the same answer at the same time.

Time is shown by what it is made of: the expensive work (hashes of human-chosen secrets, unsealed NTLM candidates, keyed
verifiers) is counted and must be the same, and what is left of a difference drowns in the quantum a refusal waits for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from handfast.decision.access import NtlmCredential
from handfast.decision.outcome import Decision, Outcome
from handfast.decision.publication import AuthMethod, CredentialPolicy, LockoutPolicy
from handfast.decision.reasons import Reason
from handfast.decision.stages import credential_basic, credential_ntlm
from handfast.gateway.exchange import Exchange
from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.replies import http as replies
from handfast.replies.families import Family, family_of
from tests.fakes.gateway_peers import FakeIdentity, Gateway, RawBackend, basic, request_bytes
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.ntlm_client import NtlmClient

WRONG = "aaaaa-bbbbb-ccccc-ddddd-eeeee"
LIMIT = 3


class CountingKeyRing(FakeKeyRing):
    """Counts the keyed work."""

    def __init__(self) -> None:
        super().__init__()
        self.work: Counter[str] = Counter()

    def verifiers(self, account_id, canonical_secret):
        self.work["verifier"] += 1
        return super().verifiers(account_id, canonical_secret)

    def unseal(self, key_id, sealed, *, associated):
        self.work["unseal"] += 1
        return super().unseal(key_id, sealed, associated=associated)


class CountingRepositories:
    """Counts every call of a repository: each is one probe of the database."""

    def __init__(self, inner, work: Counter[str], name: str = "") -> None:
        self._inner, self._work, self._name = inner, work, name

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        if not self._name:
            return CountingRepositories(value, self._work, name)
        if not callable(value):
            return value

        def call(*args, **more):
            self._work["probe"] += 1
            return value(*args, **more)

        return call


class World:
    """An identity with alice (PIN and app passwords), carol (locked out) and nobody else."""

    def __init__(self, *, pins: bool) -> None:
        policy = CredentialPolicy(methods=frozenset({AuthMethod.BASIC, AuthMethod.NTLM}), human_secrets=pins)
        lockout = LockoutPolicy(per_account_and_source=LIMIT, per_account=LIMIT, per_source=10_000)
        publication = replace(MAIL, credentials=policy, lockout=lockout)
        self.identity = IdentityProcess(publication=publication, keyring=CountingKeyRing())

        read, self.probes = self.identity.records.read, Counter()
        self.identity.records.read = lambda work: read(lambda r: work(CountingRepositories(r, self.probes)))

    async def fill(self) -> None:
        for user in ("alice", "carol"):
            account = await self.identity.add_account(user, pin="4711")
            await self.identity.issue(account, ntlm=True)
        for number in range(LIMIT + 1):
            await self.guess("carol", f"{WRONG}{number}")

    async def guess(self, user: str, secret: str = WRONG) -> Decision:
        return await self.identity.basic(secret, login=f"CONTOSO\\{user}")

    async def guess_by_ntlm(self, user: str) -> Decision:
        client = NtlmClient(user, "CONTOSO", WRONG)
        negotiate = client.negotiate()
        issued = await self.identity.pipeline.issue_challenge("mail", "conn", negotiate)
        proof = client.authenticate(issued.message)
        credential = NtlmCredential(issued.challenge_id, "conn", negotiate, proof)
        return await self.identity.pipeline.evaluate(self.identity.request(credential))

    async def work_of(self, how, user: str) -> tuple[Reason, dict[str, int]]:
        ring, hasher, records = self.identity.keyring, self.identity.hasher, self.identity.records
        ring.work.clear()
        self.probes.clear()
        hashes, reads = hasher.evaluations, records.reads
        decision = await how(user)
        assert decision.outcome is Outcome.DENY
        done = {
            **ring.work,
            **self.probes,
            "hash": hasher.evaluations - hashes,
            "read": records.reads - reads,
        }
        return decision.reason, done


async def works(*, pins: bool, ntlm: bool = False) -> dict[str, tuple[Reason, dict[str, int]]]:
    world = World(pins=pins)
    await world.fill()
    how = world.guess_by_ntlm if ntlm else world.guess
    return {user: await world.work_of(how, user) for user in ("alice", "nobody", "carol")}


@pytest.mark.parametrize("pins", [True, False])
async def test_what_is_wrong_again_costs_the_same_for_wrong_unknown_and_locked(pins):
    world = World(pins=pins)
    await world.fill()
    found = {}
    for user in ("alice", "nobody", "carol"):
        await world.guess(user)
        found[user] = await world.work_of(world.guess, user)
    assert found["alice"][1] == found["nobody"][1] == found["carol"][1]
    assert found["alice"][1]["hash"] == 0, "answered from memory"


@pytest.mark.parametrize("pins", [True, False])
@pytest.mark.parametrize("ntlm", [False, True])
async def test_the_expensive_work_is_the_same_for_wrong_unknown_and_locked(pins, ntlm):
    found = await works(pins=pins, ntlm=ntlm)
    if pins and not ntlm:
        # The counters of a human-chosen secret cost a known account one more indexed read; the hash outweighs it a
        # thousandfold, and the quantum hides it.
        for _, work in found.values():
            del work["probe"]
    assert found["alice"][1] == found["nobody"][1] == found["carol"][1]
    assert found["alice"][0] is Reason.CREDENTIAL_WRONG
    assert found["nobody"][0] is Reason.ACCOUNT_UNKNOWN
    if pins and not ntlm:
        assert found["carol"][0] is Reason.ACCOUNT_LOCKED_OUT


async def test_without_hashing_against_nothing_an_unknown_account_is_cheaper(monkeypatch):
    world = World(pins=True)
    await world.fill()
    real = world.identity.hasher.verify

    async def verify_only_what_there_is(verifier, secret):
        return False if verifier is None else await real(verifier, secret)

    monkeypatch.setattr(world.identity.hasher, "verify", verify_only_what_there_is)
    assert await world.work_of(world.guess, "alice") != await world.work_of(world.guess, "nobody")
    assert (await world.work_of(world.guess, "nobody"))[1]["hash"] == 0


async def test_without_a_verifier_for_nobody_an_unknown_account_is_cheaper(monkeypatch):
    real = credential_basic.find_password
    nobody = credential_basic.NOBODY
    monkeypatch.setattr(
        credential_basic,
        "find_password",
        lambda repositories, ring, account_id, secret: (
            None if account_id == nobody else real(repositories, ring, account_id, secret)
        ),
    )
    found = await works(pins=False)
    assert found["alice"][1] != found["nobody"][1]


async def test_without_the_dummies_an_unknown_account_is_cheaper_by_ntlm(monkeypatch):
    real = NtCandidateOpener.open

    def open_only_what_there_is(self, account_id, rows):
        return real(self, account_id, rows) if rows else credential_ntlm.NtCandidates((), ())

    monkeypatch.setattr(NtCandidateOpener, "open", open_only_what_there_is)
    found = await works(pins=False, ntlm=True)
    assert found["alice"][1] != found["nobody"][1]


async def test_without_looking_for_nobodys_passwords_an_unknown_account_is_cheaper_by_ntlm(monkeypatch):
    real = credential_ntlm._look_up

    def look_up_known_accounts_alone(services, publication, repositories, message, now):
        if message.user != "alice":
            return None, services.candidates.open(None, ()), {}
        return real(services, publication, repositories, message, now)

    monkeypatch.setattr(credential_ntlm, "_look_up", look_up_known_accounts_alone)
    found = await works(pins=False, ntlm=True)
    assert found["alice"][1] != found["nobody"][1]


ALIKE = [reason for reason in Reason if family_of(reason) is Family.CREDENTIAL]


@pytest.mark.parametrize(
    "reason", ["CREDENTIAL_WRONG", "ACCOUNT_UNKNOWN", "ACCOUNT_LOCKED_OUT", "APP_PASSWORD_REVOKED"]
)
def test_every_wrong_credential_is_of_one_family(reason):
    assert Reason[reason] in ALIKE


def answer_bytes(reason: Reason) -> object:
    return replies.render(reason, None, challenges=(b"Basic",), request_id="r1")


def test_every_wrong_credential_gets_one_answer():
    assert len({answer_bytes(reason) for reason in ALIKE}) == 1


def test_with_a_family_of_its_own_the_unknown_account_shows(monkeypatch):
    monkeypatch.setattr(
        replies, "family_of", lambda r: Family.NOT_FOUND if r is Reason.ACCOUNT_UNKNOWN else family_of(r)
    )
    assert len({answer_bytes(reason) for reason in ALIKE}) == 2


QUANTUM = 1.0
KINDS = {  # how long identity takes, in seconds: far enough apart for a machine that is busy with something else
    "wrong": (0.0, Reason.CREDENTIAL_WRONG),
    "unknown": (0.3, Reason.ACCOUNT_UNKNOWN),
    "locked": (0.6, Reason.ACCOUNT_LOCKED_OUT),
}


class UnequalIdentity(FakeIdentity):
    """Takes a different time for each kind of refusal."""

    async def evaluate(self, request):
        kind = request.credential.secret
        await asyncio.sleep(KINDS[kind][0])
        return Decision(Outcome.DENY, KINDS[kind][1])


async def refuse_all() -> dict[str, tuple[bytes, float]]:
    """The answer (without its request id and date) and its time, for each kind."""
    found = {}
    options = {"identity": UnequalIdentity(), "denial_quantum_seconds": QUANTUM}
    async with RawBackend() as backend, Gateway(backend.url, **options) as gateway:
        client = await gateway.client()
        loop = asyncio.get_running_loop()
        for kind in KINDS:
            began = loop.time()
            await client.send(request_bytes(user=None, extra=f"Authorization: {basic('alice', kind)}\r\n"))
            answer = await client.read_answer()
            lines = [
                line for line in answer.head.split(b"\r\n") if not line.startswith((b"X-Request-Id", b"Date"))
            ]
            found[kind] = (b"\n".join(lines) + answer.body, loop.time() - began)
    return found


async def test_refusals_are_the_same_bytes_and_none_leaves_before_the_quantum():
    found = await refuse_all()
    assert len({answer for answer, _ in found.values()}) == 1
    assert all(seconds >= QUANTUM * 0.95 for _, seconds in found.values()), found


async def test_without_the_quantum_their_times_tell_them_apart(monkeypatch):
    monkeypatch.setattr(Exchange, "_wait", lambda *_: 0.0)
    found = {kind: seconds for kind, (_, seconds) in (await refuse_all()).items()}
    assert found["wrong"] < found["unknown"] < found["locked"]
    assert found["wrong"] < QUANTUM * 0.95
