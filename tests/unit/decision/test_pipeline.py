from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from handfast.decision.access import BasicCredential, NoCredential
from handfast.decision.outcome import Outcome
from handfast.decision.publication import CredentialPolicy, DevicePolicy, LockoutPolicy, PartnershipMode
from handfast.decision.reasons import Reason
from handfast.identity.app_passwords import revoke_password
from handfast.identity.channels import Channel
from handfast.identity.ports import Conflict
from handfast.identity.records import AccountState, PartnershipState, RevocationScope
from tests.fakes.identity_process import MAIL, IdentityProcess

WRONG = "aaaaa-bbbbb-ccccc-ddddd-eeeee"


def with_mode(mode: PartnershipMode, **more) -> IdentityProcess:
    return IdentityProcess(publication=replace(MAIL, devices=DevicePolicy(mode=mode, **more)))


def with_pins(**lockout) -> IdentityProcess:
    policy = CredentialPolicy(human_secrets=True)
    return IdentityProcess(publication=replace(MAIL, credentials=policy, lockout=LockoutPolicy(**lockout)))


@pytest.fixture
def identity():
    process = IdentityProcess()
    yield process
    assert process.errors == []


async def test_a_phone_pairs_by_its_first_use_and_no_other_may_use_its_password(identity):
    account = await identity.add_account()
    secret, password = await identity.issue(account)

    first = await identity.basic(secret)
    assert (first.outcome, first.reason) == (Outcome.ALLOW, Reason.ALLOWED)
    assert first.grant is not None
    assert (first.grant.account_id, first.grant.device_id) == (account.id, "PHONE1")
    assert first.grant.app_password_id == password.id
    assert first.grant.lifetime_seconds == 300
    assert [trace.stage for trace in first.stages] == [
        "rule",
        "source",
        "credential",
        "account",
        "access",
        "device",
        "limits",
    ]

    again = await identity.basic(secret.replace("-", "").upper())
    assert again.outcome is Outcome.ALLOW

    thief = await identity.basic(secret, device="OTHER")
    assert (thief.outcome, thief.reason) == (Outcome.DENY, Reason.APP_PASSWORD_OTHER_DEVICE)
    assert thief.grant is None
    assert "identity:app_password:possible-theft" in identity.audit_events


async def test_a_good_sign_in_costs_one_read_and_one_write_and_a_wrong_one_writes_nothing(identity):
    secret, _ = await identity.issue(await identity.add_account())
    identity.records.reads = identity.records.writes = 0
    await identity.basic(secret)
    assert (identity.records.reads, identity.records.writes) == (1, 1)

    for n in range(50):
        refused = await identity.basic(f"{WRONG}{n}")
        assert refused.reason is Reason.CREDENTIAL_WRONG
    assert identity.records.writes == 1
    assert refused.delay_seconds == 5.0

    allowed = await identity.basic(secret)
    assert (allowed.outcome, allowed.delay_seconds) == (Outcome.ALLOW, 0.0)


@pytest.mark.parametrize(
    ("login", "reason"),
    [("CONTOSO\\alice", Reason.CREDENTIAL_WRONG), ("CONTOSO\\nobody", Reason.ACCOUNT_UNKNOWN)],
)
async def test_a_refusal_of_nobody_is_explained_from_memory_and_stored_sparsely(identity, login, reason):
    await identity.add_account()
    request = identity.request(BasicCredential(login, WRONG))
    decision = await identity.pipeline.evaluate(request)
    assert (decision.outcome, decision.reason) == (Outcome.DENY, reason)
    kept = identity.services.recent.find(request.request_id)
    assert kept is not None
    assert kept.reason == reason.value
    assert await identity.services.recent.flush(identity.records) == 1
    assert identity.records.tables.evaluations[request.request_id] == kept
    assert "decision:access:refused" not in identity.audit_events


async def test_without_a_credential_the_client_is_asked_for_one(identity):
    decision = await identity.pipeline.evaluate(identity.request(NoCredential()))
    assert (decision.outcome, decision.reason) == (Outcome.CHALLENGE, Reason.CREDENTIAL_MISSING)
    assert decision.delay_seconds == 0.0


async def test_a_disabled_account_a_foreign_profile_and_a_revoked_password_open_nothing(identity):
    account = await identity.add_account()
    outlook, _ = await identity.issue(account, channels=frozenset({Channel.EWS}))
    assert (await identity.basic(outlook)).reason is Reason.PROFILE_REFUSED

    secret, password = await identity.issue(account)
    assert (await identity.basic(secret)).outcome is Outcome.ALLOW
    await identity.records.write(lambda r: r.accounts.set_state(account.id, AccountState.DISABLED))
    assert (await identity.basic(secret)).reason is Reason.ACCOUNT_DISABLED
    await identity.records.write(lambda r: r.accounts.set_state(account.id, AccountState.ENABLED))
    await identity.records.write(
        lambda r: revoke_password(r, account, password.id, now=identity.clock.now(), actor="uid:0")
    )
    assert (await identity.basic(secret)).reason is Reason.APP_PASSWORD_REVOKED


async def test_an_unused_password_ends_after_a_day_and_a_bare_options_does_not_prolong_it(identity):
    secret, _ = await identity.issue(await identity.add_account())
    bare = await identity.basic(secret, device=None, command="OPTIONS")
    assert bare.outcome is Outcome.ALLOW
    assert bare.grant is not None
    assert bare.grant.device_id is None
    assert identity.records.tables.partnerships == {}
    identity.clock.advance(hours=24)
    assert (await identity.basic(secret)).reason is Reason.APP_PASSWORD_EXPIRED


async def test_a_grant_never_outlives_its_password(identity):
    secret, _ = await identity.issue(await identity.add_account(), expires_in=timedelta(seconds=90))
    decision = await identity.basic(secret)
    assert decision.grant is not None
    assert decision.grant.lifetime_seconds == 90


async def test_a_command_without_a_device_is_malformed(identity):
    secret, _ = await identity.issue(await identity.add_account())
    assert (await identity.basic(secret, device=None)).reason is Reason.DEVICE_ID_MISSING


async def test_a_bound_password_without_a_device_gets_its_partnerships_answer(identity):
    account = await identity.add_account()
    secret, _ = await identity.issue(account)
    await identity.basic(secret)
    assert (await identity.basic(secret, device=None, command="OPTIONS")).outcome is Outcome.ALLOW
    autodiscover = {"channel": Channel.AUTODISCOVER, "rule": "autodiscover", "device": None, "command": ""}
    assert (await identity.basic(secret, **autodiscover)).outcome is Outcome.ALLOW
    identity.clock.advance(hours=25)
    assert (await identity.basic(secret, **autodiscover)).reason is Reason.COMPANION_STALE

    known = identity.records.tables.partnerships[account.id, "PHONE1"]
    blocked = replace(known, state=PartnershipState.BLOCKED)
    await identity.records.write(lambda r: r.partnerships.save(blocked))
    assert (await identity.basic(secret, **autodiscover)).reason is Reason.DEVICE_BLOCKED
    assert (await identity.basic(secret, device=None, command="OPTIONS")).reason is Reason.DEVICE_BLOCKED
    assert (await identity.basic(secret)).reason is Reason.DEVICE_BLOCKED


async def test_source_networks_listeners_nodes_and_rules_are_identitys_own_word(identity):
    secret, _ = await identity.issue(await identity.add_account())
    identity.publish(
        replace(
            MAIL,
            networks=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")),
            listeners=frozenset({"outside"}),
            allow_from_node=frozenset({"local"}),
        )
    )
    assert (await identity.basic(secret)).reason is Reason.SOURCE_REFUSED
    assert (await identity.basic(secret, source="not an address")).reason is Reason.SOURCE_REFUSED
    assert (await identity.basic(secret, source="::ffff:198.51.100.9")).outcome is Outcome.ALLOW
    assert (await identity.basic(secret, source="2001:db8::1", listener="in")).reason is Reason.UNKNOWN_HOST
    assert (await identity.basic(secret, node="dmz2")).reason is Reason.UNKNOWN_HOST
    assert (await identity.basic(secret, publication="other")).reason is Reason.UNKNOWN_HOST
    assert (await identity.basic(secret, rule="owa")).reason is Reason.UNKNOWN_PATH
    assert (await identity.basic(secret, channel=Channel.EWS)).reason is Reason.UNKNOWN_PATH


async def test_mode_approval_binds_and_waits():
    identity = with_mode(PartnershipMode.APPROVAL, pending_limit=1)
    account = await identity.add_account()
    secret, _ = await identity.issue(account)
    assert (await identity.basic(secret)).reason is Reason.DEVICE_PENDING
    writes = identity.records.writes
    assert (await identity.basic(secret)).reason is Reason.DEVICE_PENDING
    assert identity.records.writes == writes, "a device that knocks again within seconds writes nothing"
    assert (await identity.basic(secret, device="OTHER")).reason is Reason.APP_PASSWORD_OTHER_DEVICE
    second, _ = await identity.issue(account)
    assert (await identity.basic(second, device="PHONE2")).reason is Reason.DEVICE_PENDING_LIMIT


async def test_mode_listed_lets_nobody_new_in():
    identity = with_mode(PartnershipMode.LISTED)
    secret, password = await identity.issue(await identity.add_account())
    assert (await identity.basic(secret)).reason is Reason.DEVICE_UNKNOWN
    assert identity.records.tables.app_passwords[password.id].bound_device_id is None


async def test_made_up_device_ids_do_not_fill_the_trail(identity):
    secret, _ = await identity.issue(await identity.add_account())
    await identity.basic(secret)
    before = len(identity.audit_events)
    for n in range(100):
        decision = await identity.basic(secret, device=f"X{n}", source=f"2001:db8::{n}")
        assert decision.reason is Reason.APP_PASSWORD_OTHER_DEVICE
    assert len(identity.audit_events) - before == 2, "one misuse and one refusal"
    identity.clock.advance(seconds=10)
    await identity.basic(secret, device="X0", source="2001:db8::1")
    assert len(identity.audit_events) - before == 4
    assert (await identity.basic(secret)).outcome is Outcome.ALLOW


async def test_the_race_of_two_devices_for_one_password_has_one_winner(identity):
    secret, _ = await identity.issue(await identity.add_account())
    decisions = await asyncio.gather(*(identity.basic(secret, device=f"P{n}") for n in range(8)))
    assert [d.outcome for d in decisions].count(Outcome.ALLOW) == 1
    assert len(identity.records.tables.partnerships) == 1


async def test_a_phone_that_changes_networks_is_no_thief_but_two_networks_at_once_are(identity):
    account = await identity.add_account()
    secret, _ = await identity.issue(account)
    wlan, mobile = "192.0.2.10", "198.51.100.20"
    at_home = await identity.basic(secret, source=wlan)
    identity.clock.advance(seconds=20)
    moved = await identity.basic(secret, source=mobile)
    assert moved.outcome is Outcome.ALLOW
    published = identity.records.tables.revocations
    assert [r.scope for r in published] == [RevocationScope.PARTNERSHIP]
    assert at_home.grant is not None
    assert moved.grant is not None
    assert at_home.grant.is_hit_by(published[0])
    assert not moved.grant.is_hit_by(published[0])

    identity.clock.advance(seconds=120)
    assert (await identity.basic(secret, source=wlan)).outcome is Outcome.ALLOW
    identity.clock.advance(seconds=10)
    assert (await identity.basic(secret, source=mobile)).outcome is Outcome.ALLOW
    identity.clock.advance(seconds=10)
    back = await identity.basic(secret, source=wlan)
    assert back.reason is Reason.DEVICE_QUARANTINED
    assert "identity:device:quarantined" in identity.audit_events


async def test_200_parallel_guesses_at_a_pin_never_evaluate_more_than_the_limit_across_a_restart():
    identity = with_pins()
    await identity.add_account(pin="correct horse")
    guesses = [identity.basic(f"guess {n}") for n in range(100)]
    await asyncio.gather(*guesses)
    identity.restart()
    answers = await asyncio.gather(*(identity.basic(f"more {n}") for n in range(100)))
    assert identity.hasher.guesses == 10
    assert identity.hasher.evaluations == 200, "a locked account costs the same work"
    assert {a.reason for a in answers} == {Reason.ACCOUNT_LOCKED_OUT}
    assert (await identity.basic("correct horse")).reason is Reason.ACCOUNT_LOCKED_OUT
    assert identity.audit_events.count("identity:lockout:begun") == 1

    spread = [identity.basic(f"far {n}", source=f"203.0.113.{n}") for n in range(100)]
    await asyncio.gather(*spread)
    assert identity.hasher.guesses == 50
    identity.clock.advance(minutes=15)
    assert (await identity.basic("correct horse")).outcome is Outcome.ALLOW


async def test_a_familiar_phone_signs_in_by_its_pin_beside_a_locked_account():
    identity = with_pins()
    await identity.add_account(pin="correct horse")
    assert (await identity.basic("correct horse")).outcome is Outcome.ALLOW
    await asyncio.gather(
        *(
            identity.basic(f"guess {n}", source=f"203.0.113.{n % 9}", device=None, command="OPTIONS")
            for n in range(99)
        )
    )
    for _ in range(30):
        assert (await identity.basic("correct horse")).outcome is Outcome.ALLOW
    stranger = await identity.basic("correct horse", source="203.0.113.200")
    assert stranger.reason is Reason.ACCOUNT_LOCKED_OUT


async def test_an_app_password_passes_a_locked_account_and_unknown_names_lock_too():
    identity = with_pins()
    account = await identity.add_account(pin="correct horse")
    secret, _ = await identity.issue(account)
    for n in range(12):
        await identity.basic(f"guess {n}")
    assert (await identity.basic("correct horse")).reason is Reason.ACCOUNT_LOCKED_OUT
    assert (await identity.basic(secret)).outcome is Outcome.ALLOW

    ghost = {"login": "ghost", "source": "203.0.113.9"}
    reasons = [(await identity.basic(f"x{n}", **ghost)).reason for n in range(12)]
    assert reasons == [Reason.ACCOUNT_UNKNOWN] * 10 + [Reason.ACCOUNT_LOCKED_OUT] * 2


async def test_a_missing_or_suspended_stored_secret_is_our_own_trouble():
    identity = IdentityProcess(publication=replace(MAIL, needs_stored_secret=True))
    secret, _ = await identity.issue(await identity.add_account())
    decision = await identity.basic(secret)
    assert (decision.reason, decision.retry_after_seconds) == (Reason.BACKEND_SECRET_MISSING, 10)


async def test_our_own_troubles_let_nobody_in(identity):
    secret, _ = await identity.issue(await identity.add_account())
    identity.records.unavailable = True
    decision = await identity.basic(secret)
    assert (decision.outcome, decision.reason) == (Outcome.DENY, Reason.IDENTITY_UNAVAILABLE)
    assert decision.retry_after_seconds == 10

    identity.records.unavailable = False
    identity.records.tables.accounts = None
    decision = await identity.basic(secret)
    assert (decision.outcome, decision.reason) == (Outcome.DENY, Reason.INTERNAL_ERROR)
    assert len(identity.errors) == 1
    identity.errors.clear()


async def test_an_exception_in_the_transaction_leaves_no_trace(identity):
    secret, password = await identity.issue(await identity.add_account())
    original = identity.records.write

    async def failing(work):
        def then_fail(repositories):
            work(repositories)
            raise OSError("disk full")

        return await original(then_fail)

    identity.records.write = failing
    assert (await identity.basic(secret)).reason is Reason.INTERNAL_ERROR
    identity.records.write = original
    assert identity.records.tables.partnerships == {}
    assert identity.records.tables.app_passwords[password.id].bound_device_id is None
    identity.errors.clear()


async def test_a_credential_of_a_kind_that_nobody_taught_us_lets_nobody_in(identity):
    decision = await identity.pipeline.evaluate(identity.request("letter of recommendation"))
    assert (decision.outcome, decision.reason) == (Outcome.DENY, Reason.INTERNAL_ERROR)
    assert len(identity.errors) == 1
    identity.errors.clear()


async def test_who_paired_the_same_device_a_moment_later_follows_from_what_is_stored(identity):
    secret, _ = await identity.issue(await identity.add_account())
    original, conflicts = identity.records.write, 0

    async def racing(work):
        nonlocal conflicts
        if not conflicts:
            conflicts += 1
            await original(work)
            raise Conflict("another transaction stored that partnership first")
        return await original(work)

    identity.records.write = racing
    decision = await identity.basic(secret)
    identity.records.write = original
    assert (conflicts, decision.outcome) == (1, Outcome.ALLOW)
    assert len(identity.records.tables.partnerships) == 1
