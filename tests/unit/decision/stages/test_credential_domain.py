from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from handfast.app.shared_work import SharedTasks
from handfast.decision.access import BasicCredential
from handfast.decision.access_rules import AccessRule
from handfast.decision.directory_waiting import MAX_ASKING, MAX_LOOKING
from handfast.decision.outcome import Outcome
from handfast.decision.publication import CredentialPolicy
from handfast.decision.reasons import Reason
from handfast.decision.stages.credential import CredentialKind
from handfast.decision.stages.credential_domain import NO_ANSWER_OF_LATE, PAUSE_SECONDS
from handfast.identity.channels import Channel
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import AnswerLost, PasswordVerdict
from handfast.identity.domain_lockout import TRYING
from handfast.identity.policies import LockoutPolicy
from handfast.identity.records import DOMAIN_KINDS, AccountState, CounterKind
from tests.fakes.domain import FakeDomain, mirror
from tests.fakes.identity_process import MAIL, IdentityProcess

TAKES = replace(MAIL, credentials=CredentialPolicy(domain_password_listeners=frozenset({"inside"})))
RIGHT = "Sommer-2026"
EWS = {"device": None, "channel": Channel.EWS, "rule": "ews", "command": ""}


class Site:
    """An identity process with a mirrored alice, and her domain."""

    def __init__(self, records=None, keyring=None, domain=None):
        more = {} if keyring is None else {"keyring": keyring}
        self.identity = IdentityProcess(publication=TAKES, records=records, **more)
        self.clock = self.identity.clock if domain is None else domain.clock
        self.identity.clock = self.clock
        self.domain = domain or FakeDomain(self.clock, passwords={"alice": RIGHT})
        self.join()

    def join(self, publication=TAKES):
        self.identity.publication = publication
        self.identity.restart()
        services = replace(self.identity.services, directory=self.domain, shared=SharedTasks())
        self.identity.services = self.identity.pipeline._services = services

    async def ask(self, secret=RIGHT, login="CONTOSO\\alice", listener="inside", **more):
        return await self.identity.basic(secret, login=login, listener=listener, **more)


@pytest.fixture
async def site():
    site = Site()
    site.alice = await mirror(site.identity.records, "alice", site.clock.now(), "Staff")
    return site


async def test_the_domain_password_signs_in_and_the_grant_ends_with_the_domains_word(site):
    decision = await site.ask()
    assert (decision.outcome, decision.reason) == (Outcome.ALLOW, Reason.ALLOWED)
    assert (decision.grant.account_id, decision.grant.app_password_id) == (site.alice.id, None)
    assert decision.grant.lifetime_seconds == 300
    assert [(one.stage, one.rule) for one in decision.stages][2:4] == [
        ("lockout", ""),
        ("credential", "domain password"),
    ]
    site.clock.advance(seconds=100)
    again = await site.ask()
    assert again.grant.lifetime_seconds == 200
    assert len(site.domain.attempts) == 1
    site.clock.advance(seconds=190)
    assert (await site.ask()).grant.lifetime_seconds == 300
    assert len(site.domain.attempts) == 2


async def test_it_opens_doors_without_devices_by_the_account_alone(site):
    assert (await site.ask(**EWS)).outcome is Outcome.ALLOW


@pytest.mark.parametrize("login", ["CONTOSO\\alice", "alice@contoso.lab", "nobody"])
async def test_guesses_where_no_domain_passwords_are_taken_never_reach_the_domain(site, login):
    for n in range(30):
        decision = await site.ask(f"guess {n}", login, "outside")
        assert decision.outcome is Outcome.DENY
    assert (await site.ask(RIGHT, login, "outside")).outcome is Outcome.DENY
    assert site.domain.attempts == []
    site.join(MAIL)
    assert (await site.ask()).reason is Reason.CREDENTIAL_WRONG
    assert site.domain.attempts == []


async def test_without_a_directory_there_is_nothing_to_ask(site):
    site.domain = None
    site.join()
    refused = await site.ask()
    assert (refused.reason, refused.delay_seconds) == (Reason.CREDENTIAL_WRONG, 0.0)


async def test_an_app_password_comes_first_and_asks_nobody(site):
    secret, _ = await site.identity.issue(site.alice)
    assert (await site.ask(secret)).outcome is Outcome.ALLOW
    assert site.domain.attempts == []


async def test_the_soft_lockout_stops_below_the_domains_threshold(site):
    reasons = [(await site.ask(f"guess {n}", source=f"192.0.2.{n}")).reason for n in range(20)]
    assert reasons == [Reason.CREDENTIAL_WRONG] * 3 + [Reason.ACCOUNT_LOCKED_OUT] * 17
    assert (site.domain.bad_count("alice"), site.domain.locked) == (3, set())
    locked = await site.ask()
    assert locked.reason is Reason.ACCOUNT_LOCKED_OUT
    assert locked.stages[2].detail == str(site.alice.id)
    site.clock.advance(seconds=31 * 60)
    assert (await site.ask()).outcome is Outcome.ALLOW


async def test_what_memory_knows_to_be_right_passes_beside_a_lockout(site):
    await site.ask()
    for n in range(4):
        await site.ask(f"guess {n}")
    assert (await site.ask()).outcome is Outcome.ALLOW


async def test_a_familiar_device_has_no_attempts_of_its_own_in_the_domain(site):
    await site.ask()
    site.clock.advance(seconds=400)
    for n in range(10):
        await site.ask(f"guess {n}")
    for n in range(10):
        await site.ask(f"other {n}", device="STRANGER", source="198.51.100.1")
    assert site.domain.bad_count("alice") == 3
    kinds = {counter.kind for counter, _ in site.identity.records.tables.counters.values()}
    assert CounterKind.FAMILIAR in kinds


async def test_one_stale_password_costs_one_failure_a_window_over_restarts_and_processes(site):
    second = Site(site.identity.records, site.identity.keyring, site.domain)
    for _ in range(10):
        for one in (site, second):
            refused = await one.ask("stale")
            assert refused.reason is Reason.CREDENTIAL_WRONG
        site.join()
        site.clock.advance(seconds=180)
    assert [secret for _, secret in site.domain.attempts] == ["stale"]
    assert refused.is_repeat
    assert refused.stages[-1].rule == "wrong again"
    site.clock.advance(seconds=60)
    await site.ask("stale")
    assert (len(site.domain.attempts), site.domain.bad_count("alice")) == (2, 1)


@dataclass
class TwoProcesses:
    """`first` asks the domain about a secret, and while it waits for an answer `second` is asked about the same."""

    first: Site
    second: Site
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        self._check_password = self.first.domain.check_password
        self.first.domain.check_password = self._slow

    async def _slow(self, account, secret):
        await self.go.wait()
        return await self._check_password(account, secret)

    async def ask(self, secret):
        asking = [asyncio.ensure_future(self.first.ask(secret))]
        await self._until(lambda: self._is_trying())
        asking.append(asyncio.ensure_future(self.second.ask(secret)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not asking[1].done()
        return asking

    def _is_trying(self):
        counters = self.first.identity.records.tables.counters
        return any(kind is CounterKind.DOMAIN_TRYING for kind, _ in counters)

    async def _until(self, holds):
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0)


@pytest.fixture
def two(site):
    return TwoProcesses(site, Site(site.identity.records, site.identity.keyring, site.domain))


@pytest.mark.parametrize(
    ("secret", "reason", "asked"), [("wrong", Reason.CREDENTIAL_WRONG, 1), (RIGHT, Reason.ALLOWED, 2)]
)
async def test_what_another_process_is_asking_about_is_waited_for(site, two, secret, reason, asked):
    """It is told neither as an outage, which no invented name would see, nor as wrong, which it may not be."""
    asking = await two.ask(secret)
    two.go.set()
    assert {answer.reason for answer in await asyncio.gather(*asking)} == {reason}
    assert len(site.domain.attempts) == asked


async def test_what_a_process_that_died_was_asking_about_is_asked_in_turn(site, two):
    asking = await two.ask(RIGHT)
    site.clock.advance(seconds=TRYING.total_seconds())
    two.go.set()
    assert (await asking[1]).outcome is Outcome.ALLOW
    assert (await asking[0]).outcome is Outcome.ALLOW


async def test_a_process_that_died_before_our_clock_was_set_back_is_not_waited_for(site, two):
    asking = await two.ask(RIGHT)
    site.clock.advance(hours=-1)
    two.go.set()
    assert (await asking[1]).outcome is Outcome.ALLOW
    assert (await asking[0]).outcome is Outcome.ALLOW


@pytest.mark.parametrize("jump", [-1, 1])
async def test_another_process_is_not_waited_for_without_end(site, two, jump):
    """Not even where its clock is a little ahead, so that what it began lies in the future for some time."""
    asking = await two.ask("wrong")
    counters = site.identity.records.tables.counters
    [key] = [key for key in counters if key[0] is CounterKind.DOMAIN_TRYING]
    site.clock.advance(seconds=jump * 2.1 * TRYING.total_seconds())
    counter, ends = counters[key]
    counters[key] = replace(counter, window_start=site.clock.now()), ends
    assert (await asking[1]).reason is Reason.DIRECTORY_UNAVAILABLE
    looks = site.domain.looks
    await asyncio.sleep(2 * PAUSE_SECONDS)
    assert site.domain.looks == looks
    two.go.set()
    await asking[0]


async def test_between_two_looks_there_is_a_pause(site, two):
    asking = await two.ask(RIGHT)
    looks = site.domain.looks
    await asyncio.sleep(5 * PAUSE_SECONDS)
    assert site.domain.looks - looks <= 6
    two.go.set()
    await asyncio.gather(*asking)


async def test_while_another_process_asks_in_vain_so_do_we(site, two):
    asking = await two.ask("wrong")
    site.domain.is_down = True
    assert (await asking[1]).reason is Reason.DIRECTORY_UNAVAILABLE
    two.go.set()
    assert (await asking[0]).reason is Reason.DIRECTORY_UNAVAILABLE


async def test_equal_questions_that_come_together_are_one(site):
    answers = await asyncio.gather(*(site.ask(**EWS) for _ in range(8)))
    assert {answer.outcome for answer in answers} == {Outcome.ALLOW}
    assert len(site.domain.attempts) == 1
    await asyncio.gather(*(site.ask("wrong") for _ in range(8)))
    assert site.domain.bad_count("alice") == 1


async def test_a_password_changed_in_the_directory_is_asked_about_anew(site):
    assert (await site.ask("New-1")).reason is Reason.CREDENTIAL_WRONG
    site.domain.passwords["alice"] = "New-1"
    assert (await site.ask("New-1")).reason is Reason.CREDENTIAL_WRONG
    facts = replace(site.alice.directory, password_expires_at=site.clock.now() + timedelta(days=42))
    await site.identity.records.write(
        lambda r: r.accounts.set_directory(site.alice.id, site.alice.sid, facts)
    )
    assert (await site.ask("New-1")).outcome is Outcome.ALLOW


async def test_nobody_answers_is_our_trouble_and_no_guess(site):
    site.domain.is_down = True
    refused = await site.ask()
    assert (refused.outcome, refused.reason) == (Outcome.DENY, Reason.DIRECTORY_UNAVAILABLE)
    assert refused.retry_after_seconds == 10
    unknown = await site.ask(login="nobody")
    assert (unknown.reason, unknown.retry_after_seconds) == (Reason.DIRECTORY_UNAVAILABLE, 10)
    assert unknown.stages[-1].detail == "not asked (account-unknown): no domain controller answers"
    site.domain.is_down = False
    assert (await site.ask(login="nobody")).reason is Reason.ACCOUNT_UNKNOWN
    assert (await site.ask()).outcome is Outcome.ALLOW


async def test_an_attempt_that_nobody_answered_is_taken_back(site):
    def fall():
        site.domain.is_down = True
        raise site.Unavailable

    from handfast.identity.ports import Unavailable

    site.Unavailable = Unavailable("the domain controller went away")
    site.domain.on_check = fall
    for _ in range(5):
        assert (await site.ask()).reason is Reason.DIRECTORY_UNAVAILABLE
        site.domain.is_down = False
    assert site.identity.records.tables.counters == {}
    site.domain.on_check = None
    assert (await site.ask()).outcome is Outcome.ALLOW


async def test_who_may_not_sign_in_anyway_is_not_tried(site):
    """Else the answer would tell whether the password of somebody who was shut out is right."""
    assert (await site.ask()).outcome is Outcome.ALLOW
    records = site.identity.records
    [alice] = [one for one in records.tables.accounts.values() if one.user == "alice"]
    await records.write(lambda r: r.accounts.set_state(alice.id, AccountState.DISABLED))
    site.domain.attempts.clear()
    refusals = {(await site.ask(secret=secret)).reason for secret in ("wrong one", RIGHT + "x")}
    assert refusals == {Reason.CREDENTIAL_WRONG}
    assert site.domain.attempts == []


async def test_an_attempt_whose_answer_was_lost_counts(site):
    """The domain may have counted it: whoever guesses while it is slow must not lock the account."""
    sent = []

    def lose():
        sent.append(1)
        raise AnswerLost("no answer: timed out")

    site.domain.on_check = lose
    reasons = []
    for number in range(6):
        reasons.append((await site.ask(secret=f"guess {number}")).reason)
        site.clock.advance(seconds=1)
    assert len(sent) < site.domain.policy.threshold
    last = await site.ask(secret="one more")
    assert set(reasons) == {Reason.DIRECTORY_UNAVAILABLE}, (
        "all are told so, whether they were asked about or not"
    )
    assert last.stages[-1].detail == f"not asked (account-locked-out): {NO_ANSWER_OF_LATE}"
    assert len(sent) == 3


async def test_while_passwords_alone_get_no_answer_names_are_told_and_held_alike(site):
    """Each look is answered: what the last password that was sent came to decides."""
    check_password = site.domain.check_password

    async def lose(_account, _secret):
        site.clock.advance(seconds=1.6)
        raise AnswerLost("no answer: timed out")

    async def told(login="CONTOSO\\nobody"):
        began = site.clock.now()
        decision = await site.ask("x", login)
        return decision.reason, (site.clock.now() - began).total_seconds() + decision.delay_seconds

    site.domain.check_password = lose
    first = await told("CONTOSO\\alice")
    assert first == (Reason.DIRECTORY_UNAVAILABLE, 2.0)
    assert {await told() for _ in range(10)} == {first}
    with ExitStack() as stack:
        for _ in range(MAX_LOOKING):
            stack.enter_context(site.identity.services.waiting.looking())
        assert await told() == first
    site.domain.check_password = check_password
    assert (await site.ask()).outcome is Outcome.ALLOW
    assert (await told())[0] is Reason.ACCOUNT_UNKNOWN


async def test_an_answer_that_comes_too_late_is_lost(site):
    site.identity.services.shared._patience_seconds = 0.01
    check_password, go = site.domain.check_password, asyncio.Event()

    async def wait(account, secret):
        await go.wait()
        return await check_password(account, secret)

    site.domain.check_password = wait
    assert (await site.ask("wrong")).reason is Reason.DIRECTORY_UNAVAILABLE
    go.set()
    await site.identity.services.shared.finish()
    assert site.domain.bad_count("alice") == 1
    assert (await site.ask("x", "CONTOSO\\nobody")).reason is Reason.DIRECTORY_UNAVAILABLE


async def test_one_client_leaves_places_to_others(site):
    await mirror(site.identity.records, "bob", site.clock.now(), "Staff", number=1001)
    site.domain.passwords["bob"] = RIGHT
    check_password, go = site.domain.check_password, asyncio.Event()

    async def wait_for_alice(account, secret):
        if account.user == "alice":
            await go.wait()
        return await check_password(account, secret)

    site.domain.check_password = wait_for_alice
    hogs = [asyncio.ensure_future(site.ask("same wrong", source="192.0.2.9")) for _ in range(MAX_ASKING)]
    for _ in range(200):
        await asyncio.sleep(0)
    assert (await site.ask(login="CONTOSO\\bob", source="198.51.100.5")).outcome is Outcome.ALLOW
    for login in ("CONTOSO\\bob", "CONTOSO\\nobody"):
        assert (await site.ask("x", login, source="192.0.2.9")).reason is Reason.DIRECTORY_UNAVAILABLE
    go.set()
    await asyncio.gather(*hogs)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_jump_of_our_clock_gives_nobody_more_attempts(site, hours):
    reasons = [(await site.ask(f"guess {n}")).reason for n in range(2)]
    site.clock.advance(hours=hours)
    site.domain.ahead -= timedelta(hours=hours)
    reasons += [(await site.ask(f"other {n}", source="198.51.100.1")).reason for n in range(2)]
    assert reasons == [Reason.CREDENTIAL_WRONG] * 3 + [Reason.ACCOUNT_LOCKED_OUT]
    assert site.domain.bad_count("alice") == 3


async def test_signing_in_by_pin_lifts_nothing_that_the_domain_counts(site):
    pins = replace(TAKES, credentials=replace(TAKES.credentials, human_secrets=True))
    site.join(pins)
    verifier = await site.identity.hasher.hash("blue-42")
    await site.identity.records.write(lambda r: r.accounts.set_pin_verifier(site.alice.id, verifier))
    await site.ask("guess 1")
    counters = site.identity.records.tables.counters
    before = {key: one for key, one in counters.items() if key[0] in DOMAIN_KINDS}
    assert (await site.ask("blue-42", listener="outside")).outcome is Outcome.ALLOW
    assert {CounterKind.DOMAIN, CounterKind.DOMAIN_WRONG} == {kind for kind, _ in before}
    assert {key: one for key, one in counters.items() if key[0] in DOMAIN_KINDS} == before


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (PasswordVerdict.DISABLED, Reason.ACCOUNT_DISABLED_IN_DIRECTORY),
        (PasswordVerdict.EXPIRED, Reason.ACCOUNT_EXPIRED),
        (PasswordVerdict.MUST_CHANGE, Reason.DOMAIN_PASSWORD_EXPIRED),
        (PasswordVerdict.LOCKED, Reason.ACCOUNT_LOCKED_OUT),
    ],
)
async def test_what_the_domain_says_beside_right_and_wrong(site, verdict, reason):
    site.domain.verdicts["alice"] = verdict
    refused = await site.ask()
    assert (refused.outcome, refused.reason) == (Outcome.DENY, reason)
    assert not any(kind is CounterKind.DOMAIN for kind, _ in site.identity.records.tables.counters)


async def test_a_password_that_was_not_sent_is_nobodys_guess(site):
    """The directory has the account under another name by now; the mirror has not heard of it yet."""
    site.domain.renamed.add("alice")
    looks = site.domain.looks
    for _ in range(12):
        refused = await site.ask()
        assert (refused.outcome, refused.reason) == (Outcome.DENY, Reason.CREDENTIAL_WRONG)
    assert "or no password can be like this one" in str(refused)
    assert site.domain.looks == looks + 12, "told as whatever was not asked about"
    assert site.identity.records.tables.counters == {}
    site.domain.renamed.clear()
    assert (await site.ask()).outcome is Outcome.ALLOW


async def test_a_password_set_anew_between_the_domains_word_and_ours_is_wrong(site):
    async def set_anew():
        facts = replace(site.alice.directory, password_set_at=site.clock.now())
        await site.identity.records.write(
            lambda r: r.accounts.set_directory(site.alice.id, site.alice.sid, facts)
        )

    check = site.domain.check_password

    async def check_and_lose(account, secret):
        verdict = await check(account, secret)
        await set_anew()
        return verdict

    site.domain.check_password = check_and_lose
    refused = await site.ask()
    assert (refused.outcome, refused.reason, refused.grant) == (Outcome.DENY, Reason.CREDENTIAL_WRONG, None)
    assert refused.stages[-1].rule == "domain password changed"


async def test_a_domain_that_locks_so_soon_that_nothing_remains_is_never_asked(site):
    site.domain.policy = DomainLockout(2, timedelta(minutes=30), None)
    refused = await site.ask()
    assert (refused.reason, refused.stages[-1].rule) == (
        Reason.DOMAIN_PASSWORD_NOT_TRIED,
        "directory.lockout_margin",
    )
    assert "after 2 failures" in refused.stages[-1].detail
    assert site.domain.attempts == []


async def test_a_domain_that_never_locks_is_guarded_by_our_own_limits(site):
    """Less our margin: a policy that is not shown to us may lock whoever is under it."""
    site.domain.policy = DomainLockout(0, timedelta(minutes=30), None)
    few = replace(TAKES, lockout=LockoutPolicy(per_account_and_source=6))
    site.join(few)
    reasons = [(await site.ask(f"guess {n}")).reason for n in range(6)]
    assert reasons == [Reason.CREDENTIAL_WRONG] * 4 + [Reason.ACCOUNT_LOCKED_OUT] * 2
    assert site.domain.bad_count("alice") == 4


async def test_an_account_under_a_policy_that_can_not_be_read_is_never_tried(site):
    site.domain.unreadable.add("alice")
    for secret in ("Summer2026", "guess"):
        refused = await site.ask(secret)
        assert (refused.outcome, refused.reason) == (Outcome.DENY, Reason.DOMAIN_PASSWORD_NOT_TRIED)
        assert "its policy can't be read" in refused.stages[-1].detail
    assert site.domain.attempts == []
    assert not any(kind is CounterKind.DOMAIN for kind, _ in site.identity.records.tables.counters)
    site.domain.unreadable.clear()
    assert (await site.ask()).outcome is Outcome.ALLOW


@pytest.mark.parametrize("secret", ["", "x" * 257])
async def test_what_no_domain_password_can_be_is_not_asked_about(site, secret):
    assert (await site.ask(secret)).reason is Reason.CREDENTIAL_WRONG
    assert site.domain.attempts == []


async def test_accounts_that_the_directory_does_not_have_never_reach_it(site):
    await site.identity.add_account("local", pin="blue-42")
    gone = await mirror(site.identity.records, "gone", site.clock.now(), number=7, is_present=False)
    site.domain.passwords = {"local": "x", "gone": "x"}
    pins = replace(TAKES, credentials=replace(TAKES.credentials, human_secrets=True))
    site.join(pins)
    assert (await site.ask("blue-42", "local")).outcome is Outcome.ALLOW
    for login in ("local", "gone", "nobody"):
        assert (await site.ask("x", login)).outcome is Outcome.DENY
    assert (site.domain.attempts, gone.is_gone) == ([], True)


async def test_refusals_on_such_a_listener_take_one_time(site):
    site.domain.takes_seconds = 0.3
    held = {}
    for login in ("CONTOSO\\alice", "nobody"):
        before = site.clock.now()
        refused = await site.ask("wrong", login)
        held[login] = (site.clock.now() - before).total_seconds() + refused.delay_seconds
    assert held["nobody"] == pytest.approx(held["CONTOSO\\alice"]) == pytest.approx(0.5)


def with_rule(**more):
    return replace(TAKES, access=(AccessRule("all", **more),))


async def test_an_access_rule_that_does_not_take_domain_passwords_keeps_guesses_from_the_domain(site):
    site.join(with_rule(credentials=frozenset({CredentialKind.APP_PASSWORD})))
    assert (await site.ask()).reason is Reason.CREDENTIAL_WRONG
    site.join(with_rule(allow=False))
    assert (await site.ask()).reason is Reason.CREDENTIAL_WRONG
    site.join(replace(TAKES, access=(AccessRule("elsewhere", listeners=frozenset({"outside"})),)))
    assert (await site.ask()).reason is Reason.CREDENTIAL_WRONG
    assert site.domain.attempts == []
    site.join(with_rule(credentials=frozenset({CredentialKind.DOMAIN_PASSWORD})))
    assert (await site.ask()).outcome is Outcome.ALLOW
    secret, _ = await site.identity.issue(site.alice)
    assert (await site.ask(secret)).reason is Reason.CREDENTIAL_KIND_REFUSED


async def test_no_secret_is_in_what_is_kept(site):
    await site.ask("Geheim-123")
    await site.ask()
    kept = repr((site.identity.records.tables, vars(site.identity.services.domain_passwords)))
    assert "Geheim" not in kept
    assert RIGHT not in kept
    credential = BasicCredential("alice", RIGHT)
    assert RIGHT not in repr(credential)
