"""The pipeline's promises that rest on transactions, over every implementation of the records."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from handfast.decision.outcome import Outcome
from handfast.decision.publication import CredentialPolicy, DevicePolicy, PartnershipMode
from handfast.decision.reasons import Reason
from handfast.identity.windows import open_window
from tests.fakes.identity_process import MAIL, IdentityProcess


async def test_the_race_of_two_devices_for_one_password_has_one_winner(records, keyring):
    identity = IdentityProcess(records=records, keyring=keyring)
    secret, _ = await identity.issue(await identity.add_account())
    decisions = await asyncio.gather(*(identity.basic(secret, device=f"P{n}") for n in range(10)))
    reasons = [decision.reason for decision in decisions]
    assert identity.errors == []
    assert reasons.count(Reason.ALLOWED) == 1
    assert reasons.count(Reason.APP_PASSWORD_OTHER_DEVICE) == 9
    assert len(await records.read(lambda r: list(r.partnerships.list(limit=20)))) == 1


async def test_one_device_that_knocks_twice_at_once_is_paired_once(records, keyring):
    identity = IdentityProcess(records=records, keyring=keyring)
    secret, _ = await identity.issue(await identity.add_account())
    decisions = await asyncio.gather(*(identity.basic(secret) for _ in range(10)))
    assert identity.errors == []
    assert {decision.outcome for decision in decisions} == {Outcome.ALLOW}


async def test_a_window_lets_one_of_many_devices_in(records, keyring):
    policy = DevicePolicy(mode=PartnershipMode.WINDOW)
    identity = IdentityProcess(records=records, keyring=keyring, publication=replace(MAIL, devices=policy))
    account = await identity.add_account()
    now = identity.clock.now()
    await records.write(lambda r: open_window(r, account, minutes=10, now=now, actor="uid:0"))
    secrets = [(await identity.issue(account))[0] for _ in range(6)]
    decisions = await asyncio.gather(
        *(identity.basic(secret, device=f"P{n}") for n, secret in enumerate(secrets))
    )
    reasons = [decision.reason for decision in decisions]
    assert identity.errors == []
    assert sorted(reasons) == sorted([Reason.ALLOWED] + [Reason.WINDOW_CLOSED] * 5)


async def test_parallel_guesses_of_two_processes_never_pass_the_limit(records, keyring):
    publication = replace(MAIL, credentials=CredentialPolicy(human_secrets=True))
    first = IdentityProcess(records=records, keyring=keyring, publication=publication)
    second = IdentityProcess(records=records, keyring=keyring, publication=publication)
    await first.add_account(pin="correct horse")
    guesses = [one.basic(f"guess {n}") for n in range(40) for one in (first, second)]
    await asyncio.gather(*guesses)
    assert first.errors + second.errors == []
    assert first.hasher.guesses + second.hasher.guesses == 10
