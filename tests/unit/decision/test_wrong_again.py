from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.outcome import Outcome
from handfast.decision.publication import CredentialPolicy, LockoutPolicy
from handfast.decision.reasons import Reason
from handfast.decision.wrong_again import LOCKED_WINDOW, MAX_AGE, WINDOW, WrongAgain, wrong_key
from handfast.identity.pins import set_pin
from tests.fakes.identity_process import MAIL, IdentityProcess
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.one_phone import NOW

PINS = replace(
    MAIL, credentials=CredentialPolicy(human_secrets=True), lockout=LockoutPolicy(per_account_and_source=3)
)
KEY = b"k"


def test_what_was_wrong_is_remembered_while_it_keeps_coming():
    memory = WrongAgain()
    memory.remember(KEY, "v", Reason.CREDENTIAL_WRONG, NOW)
    now = NOW
    while now - NOW < MAX_AGE - WINDOW:
        now += WINDOW - timedelta(seconds=1)
        assert memory.find(KEY, "v", now) is Reason.CREDENTIAL_WRONG
    assert memory.find(KEY, "v", NOW + MAX_AGE) is None, "evaluated once more in half a day"
    assert len(memory) == 0


@pytest.mark.parametrize(
    ("verifier", "later"),
    [("v", WINDOW), ("other", timedelta(0)), (None, timedelta(0)), ("v", timedelta(seconds=-1))],
)
def test_another_verifier_a_pause_or_a_clock_set_back_ends_it(verifier, later):
    memory = WrongAgain()
    memory.remember(KEY, "v", Reason.CREDENTIAL_WRONG, NOW)
    assert memory.find(KEY, verifier, NOW + later) is None
    assert memory.find(KEY, "v", NOW) is None, "and is forgotten"


def test_a_lockout_is_remembered_for_a_minute_and_not_prolonged():
    memory = WrongAgain()
    memory.remember(KEY, "v", Reason.ACCOUNT_LOCKED_OUT, NOW)
    for seconds in (20, 40, 59):
        assert memory.find(KEY, "v", NOW + timedelta(seconds=seconds)) is Reason.ACCOUNT_LOCKED_OUT
    assert memory.find(KEY, "v", NOW + LOCKED_WINDOW) is None


def test_only_wrong_secrets_are_remembered_and_a_bounded_number():
    memory = WrongAgain(max_remembered=2)
    memory.remember(KEY, None, Reason.METHOD_NOT_OFFERED, NOW)
    assert memory.find(KEY, None, NOW) is None
    for key in (b"1", b"2", b"3"):
        memory.remember(key, None, Reason.ACCOUNT_UNKNOWN, NOW)
    assert [memory.find(key, None, NOW) for key in (b"1", b"2", b"3")] == [
        None,
        Reason.ACCOUNT_UNKNOWN,
        Reason.ACCOUNT_UNKNOWN,
    ]
    assert memory.clear() == 2


def test_every_part_makes_another_key():
    identity = IdentityProcess()

    def key(secret="x", login="alice", publication=MAIL, **more):
        credential = BasicCredential(login, secret)
        return wrong_key(FakeKeyRing(), publication, identity.request(credential, **more), credential)

    keys = [
        key(),
        key("y"),
        key(login="bob"),
        key(publication=replace(MAIL, name="other")),
        key(publication=PINS),
        key(device="P2"),
        key(device=None),
        key(source="198.51.100.7"),
        key("", login="alicex"),
    ]
    assert len(set(keys)) == len(keys)
    assert key(login="ALICE") == key()


async def test_a_stale_phone_locks_nothing_costs_nothing_and_waits_no_longer_each_time():
    identity = IdentityProcess(publication=PINS)
    await identity.add_account(pin="blue-42")
    first = await identity.basic("last year's")
    assert (first.reason, first.is_repeat) == (Reason.CREDENTIAL_WRONG, False)
    writes, hashes = identity.records.writes, identity.hasher.evaluations
    for _ in range(2000):
        identity.clock.advance(seconds=30)
        again = await identity.basic("last year's")
        assert (again.outcome, again.reason) == (first.outcome, first.reason)
        assert (again.delay_seconds, again.login) == (first.delay_seconds, first.login)
        if not again.is_repeat:
            assert identity.hasher.evaluations == hashes + 1, "once in half a day"
            hashes = identity.hasher.evaluations
            writes += 1
    assert identity.records.writes == writes
    assert "identity:lockout:begun" not in identity.audit_events
    assert (await identity.basic("blue-42")).outcome is Outcome.ALLOW


async def test_the_secret_that_became_right_is_taken_at_once():
    identity = IdentityProcess(publication=PINS)
    account = await identity.add_account(pin="blue-42")
    assert (await identity.basic("green-43")).reason is Reason.CREDENTIAL_WRONG
    verifier = await identity.hasher.hash("green-43")
    await identity.records.write(
        lambda r: set_pin(r, account, verifier, now=identity.clock.now(), actor="uid:0")
    )
    assert (await identity.basic("green-43")).outcome is Outcome.ALLOW


@pytest.mark.parametrize("login", ["alice", "nobody"])
async def test_known_and_unknown_names_are_remembered_alike(login):
    identity = IdentityProcess(publication=PINS)
    await identity.add_account(pin="blue-42")
    costs = []
    for _ in range(3):
        before = (identity.records.reads, identity.records.writes, identity.hasher.evaluations)
        decision = await identity.basic("wrong", login=login)
        after = (identity.records.reads, identity.records.writes, identity.hasher.evaluations)
        costs.append((decision.is_repeat, *(b - a for a, b in zip(before, after, strict=True))))
    assert costs[1] == costs[2] == (True, 1, 0, 0)
    assert costs[0][2:] == (1, 1)


async def test_a_revoked_password_is_wrong_again_too_and_ntlm_after_its_own_count():
    identity = IdentityProcess()
    account = await identity.add_account()
    secret, password = await identity.issue(account)
    now = identity.clock.now()
    await identity.records.write(lambda r: r.app_passwords.revoke(password.id, now))
    repeats = [(await identity.basic(secret)).is_repeat for _ in range(3)]
    assert repeats == [False, True, True]
    assert identity.services.delays.failures_of("192.0.2.10", now) == 1
