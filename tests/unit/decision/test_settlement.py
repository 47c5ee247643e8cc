from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handfast.decision.access import BasicCredential
from handfast.decision.outcome import Deny
from handfast.decision.question import Question
from handfast.decision.reasons import Reason
from handfast.decision.settlement import judge, settle
from handfast.decision.stages.credential import Authenticated
from handfast.identity.app_passwords import find_refusal, revoke_password
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.counters import Scope
from handfast.identity.directory.entries import SyncPosition
from handfast.identity.directory.standing import DirectoryPolicy
from handfast.identity.policies import DevicePolicy, PartnershipMode
from handfast.identity.records import AccountState, CounterKind, DirectoryFacts, RevocationScope
from tests.fakes.clock import START
from tests.fakes.identity_process import MAIL, IdentityProcess


class Site:
    """One account with a fresh app password, and a question about it."""

    def __init__(self, account, password, identity):
        self.account, self.password, self.identity = account, password, identity

    def question(self, *, password=True, publication=MAIL, scopes=(), device="P1", **more) -> Question:
        request = self.identity.request(BasicCredential("alice", "x"), device=device, node="edge1")
        authenticated = Authenticated(self.account, self.password if password else None, scopes)
        return Question(publication, request, authenticated, self.identity.clock.now(), **more)

    async def settle(self, **more):
        question = self.question(**more)
        return await self.identity.records.write(lambda r: settle(r, question))

    async def write(self, work):
        return await self.identity.records.write(work)

    @property
    def tables(self):
        return self.identity.records.tables


@pytest.fixture
async def site():
    identity = IdentityProcess()
    account = await identity.add_account()
    _, password = await identity.issue(account)
    return Site(account, password, identity)


def names(judgement):
    return [name for name, _ in judgement.results]


async def test_judging_writes_nothing_and_settling_stores_what_follows(site):
    question = site.question()
    before = site.tables.snapshot()
    judged = await site.identity.records.read(lambda r: judge(r, question))
    assert judged.changes_something
    assert site.tables == before
    settled = await site.settle()
    assert names(settled) == ["account", "access", "device", "limits"]
    assert settled.denial is None
    assert list(site.tables.partnerships) == [(site.account.id, "P1")]
    assert site.tables.app_passwords[site.password.id].bound_device_id == "P1"
    entry = site.tables.audit[-1]
    assert (entry.event.value, entry.actor, entry.subject) == (
        "decision:access:allowed",
        "gateway:edge1",
        "alice@contoso.lab P1",
    )
    assert entry.details["app_password"] == str(site.password.id)


async def test_what_was_taken_away_since_the_verification_counts(site):
    now = site.identity.clock.now()
    await site.write(lambda r: revoke_password(r, site.account, site.password.id, now=now, actor="a"))
    judged = await site.settle()
    assert judged.denial == Deny(Reason.APP_PASSWORD_REVOKED)
    assert names(judged) == ["credential"]
    assert site.tables.partnerships == {}


async def test_a_password_that_is_gone_is_wrong(site):
    del site.tables.app_passwords[site.password.id]
    judged = await site.settle()
    assert judged.denial == Deny(Reason.CREDENTIAL_WRONG, "app password removed")


async def test_an_account_that_is_gone_leaves_no_trace(site):
    await site.write(lambda r: r.accounts.remove(site.account.id))
    before = list(site.identity.audit_events)
    judged = await site.settle()
    assert judged.denial == Deny(Reason.CREDENTIAL_WRONG, "account removed")
    assert (judged.account, judged.partnership) == (None, None)
    assert site.identity.audit_events == before


async def test_a_pin_that_was_changed_meanwhile_is_wrong(site):
    assert (await site.settle(password=False)).denial is None
    await site.write(lambda r: r.accounts.set_pin_verifier(site.account.id, "$argon2id$new"))
    judged = await site.settle(password=False)
    assert judged.denial == Deny(Reason.CREDENTIAL_WRONG, "pin changed")


async def test_a_disabled_account_is_not_asked_for_its_device(site):
    await site.write(lambda r: r.accounts.set_state(site.account.id, AccountState.DISABLED))
    judged = await site.settle()
    assert (names(judged), judged.denial) == (["account"], Deny(Reason.ACCOUNT_DISABLED, "state"))
    assert not judged.changes_something
    assert site.identity.audit_events[-1] == "decision:access:refused"


async def test_who_loses_a_race_in_the_transaction_is_refused_by_what_it_found(site):
    await site.settle()
    other = replace(site.password, bound_device_id=None)
    site.password = other
    judged = await site.settle(device="P2")
    assert judged.denial is not None
    assert judged.denial.reason is Reason.APP_PASSWORD_OTHER_DEVICE, "what the records say counts"


async def test_the_compare_and_set_has_the_last_word(site):
    original = site.tables.app_passwords[site.password.id]

    def racing(repositories):
        """Another connection binds between this transaction's look and its own binding."""
        bind = repositories.app_passwords.bind
        repositories.app_passwords.bind = lambda *_: False
        try:
            return settle(repositories, site.question())
        finally:
            repositories.app_passwords.bind = bind

    judged = await site.write(racing)
    assert names(judged) == ["account", "access", "device"]
    assert judged.denial == Deny(Reason.APP_PASSWORD_OTHER_DEVICE, "binding", "lost the race")
    assert site.tables.app_passwords[site.password.id] == original
    assert site.tables.partnerships == {}


async def test_a_device_that_moved_has_its_older_grants_taken_first(site):
    await site.settle()
    site.password = site.tables.app_passwords[site.password.id]
    moved = await site.settle(has_moved=True)
    (revocation,) = site.tables.revocations
    assert (revocation.scope, revocation.device_id) == (RevocationScope.PARTNERSHIP, "P1")
    assert moved.epoch == revocation.epoch, "the new grant is later than what it replaces"
    await site.settle(has_moved=True, device="OTHER")
    assert len(site.tables.revocations) == 1, "a stranger takes nothing from anybody"


async def test_a_success_by_pin_gives_its_reservation_back_and_makes_the_device_familiar(site):
    now = site.identity.clock.now()
    own = Scope(CounterKind.ACCOUNT_SOURCE, f"{site.account.id}:192.0.2.10", 10)
    shared = Scope(CounterKind.ACCOUNT, str(site.account.id), 50)

    def reserve(repositories):
        for scope in (own, shared):
            repositories.counters.increment(scope.kind, scope.scope, now=now, window_seconds=900)

    await site.write(reserve)
    human = replace(MAIL, credentials=replace(MAIL.credentials, human_secrets=True))
    await site.settle(password=False, publication=human, scopes=(own, shared))
    assert [kind for kind, _ in site.tables.counters] == [CounterKind.ACCOUNT]
    assert len(site.tables.familiar) == 1
    assert "app_password" not in site.tables.audit[-1].details


async def test_a_refusal_remembers_no_success(site):
    listed = replace(MAIL, devices=DevicePolicy(mode=PartnershipMode.LISTED))
    listed = replace(listed, credentials=replace(MAIL.credentials, human_secrets=True))
    judged = await site.settle(publication=listed)
    assert judged.denial is not None
    assert judged.denial.reason is Reason.DEVICE_UNKNOWN
    assert site.tables.familiar == {}
    assert site.tables.app_passwords[site.password.id].last_used_at is None


async def test_use_is_noted_for_a_bound_password_and_not_for_a_bare_options(site):
    options = replace(site.question(device=None).request, command="OPTIONS")
    bare = replace(site.question(device=None), request=options)
    await site.write(lambda r: settle(r, bare))
    assert site.tables.app_passwords[site.password.id].last_used_at is None
    assert site.tables.audit[-1].subject == "alice@contoso.lab"
    await site.settle()
    site.identity.clock.advance(hours=1)
    await site.settle()
    used = site.tables.app_passwords[site.password.id].last_used_at
    assert used == site.identity.clock.now()
    assert used - site.password.created_at == timedelta(hours=1)


async def test_a_deviceless_password_lives_on_once_it_was_used(site):
    identity = site.identity
    _, outlook = await identity.issue(site.account, channels=PROFILE_CHANNELS[Profile.OUTLOOK])
    mailbox = Site(site.account, outlook, identity)

    async def read_mail():
        asked = mailbox.question(device=None)
        question = replace(asked, request=replace(asked.request, channel=Channel.EWS))
        return await site.write(lambda r: settle(r, question))

    assert (await read_mail()).denial is None
    identity.clock.advance(hours=25)
    used, unused = (site.tables.app_passwords[one.id] for one in (outlook, site.password))
    assert find_refusal(used, identity.clock.now()) is None
    assert find_refusal(unused, identity.clock.now()) is not None
    assert (await read_mail()).denial is None
    assert site.tables.app_passwords[outlook.id].last_used_at == identity.clock.now()


async def mirrored(site, **facts):
    """The account is the directory's from now on, as it was read just now."""
    now = site.identity.clock.now()
    said = DirectoryFacts("CONTOSO.LAB", now, **facts)
    await site.write(lambda r: r.accounts.set_directory(site.account.id, "S-1-5-21-1-2-3-1101", said))
    return now


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"is_present": False}, Reason.ACCOUNT_GONE),
        ({"is_enabled": False}, Reason.ACCOUNT_DISABLED_IN_DIRECTORY),
        ({"locked_until": datetime.max.replace(tzinfo=UTC)}, Reason.ACCOUNT_LOCKED_IN_DIRECTORY),
        ({"expires_at": START}, Reason.ACCOUNT_EXPIRED),
        ({"password_expires_at": START}, Reason.DOMAIN_PASSWORD_EXPIRED),
    ],
    ids=str,
)
@pytest.mark.parametrize("password", [True, False])
async def test_what_the_directory_says_decides_on_every_credential(site, facts, reason, password):
    await mirrored(site, **facts)
    judged = await site.settle(password=password)
    assert (judged.denial.reason, judged.denial.rule) == (reason, "state")
    assert site.tables.partnerships == {}


async def test_a_mirror_that_is_too_old_decides_nothing_and_that_is_our_own_trouble(site):
    await mirrored(site)
    assert (await site.settle()).denial is None
    site.identity.clock.advance(minutes=61)
    assert (await site.settle()).denial.reason is Reason.DIRECTORY_UNAVAILABLE
    read_at = site.identity.clock.now()
    await site.write(lambda r: r.positions.save(SyncPosition("dc1", 1), scope="", read_at=read_at))
    assert (await site.settle()).denial is None


async def test_a_judgement_knows_when_the_account_ends_and_the_settings_what_counts(site):
    now = await mirrored(
        site, expires_at=START + timedelta(hours=2), password_expires_at=START + timedelta(hours=1)
    )
    assert (await site.settle()).ends_at == now + timedelta(hours=1)
    lenient = replace(MAIL, directory=DirectoryPolicy(refuses_expired_passwords=False))
    assert (await site.settle(publication=lenient)).ends_at == now + timedelta(hours=2)
    site.identity.clock.advance(minutes=70)
    strict = await site.settle(
        publication=replace(MAIL, directory=DirectoryPolicy(believed_for=timedelta(days=1)))
    )
    assert strict.denial.reason is Reason.DOMAIN_PASSWORD_EXPIRED
