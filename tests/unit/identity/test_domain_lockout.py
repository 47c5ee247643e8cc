from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.identity.counters import Scope
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.domain_lockout import (
    AHEAD,
    SLACK,
    TRYING,
    AttemptVerdict,
    SoftLockout,
    begin_attempt,
    end_lost,
    end_uncounted,
    end_wrong,
    look_at_attempt,
    secret_digest,
    soft_lockout,
    take_back,
)
from handfast.identity.policies import LockoutPolicy
from handfast.identity.records import CounterKind
from tests.fakes.domain import facts_at
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.one_phone import ALICE, NOW
from tests.fakes.records import InMemoryRepositories, Tables

MINUTE = timedelta(minutes=1)
THREE = SoftLockout(3, 31 * MINUTE)
POLICY = LockoutPolicy()
OWN = (Scope(CounterKind.SOURCE, "192.0.2.1", 100),)


@pytest.fixture
def repositories():
    return new_repositories()


def new_repositories():
    return InMemoryRepositories(Tables(accounts={ALICE.id: ALICE}), FakeKeyRing(), "test")


def begin(repositories, digest, now=NOW, soft=THREE, scopes=OWN, policy=POLICY):
    looked = look_at_attempt(repositories.counters, ALICE, digest, soft, now)
    return begin_attempt(repositories, looked, scopes, policy)


def fail(repositories, digest, now=NOW, soft=THREE):
    attempt = begin(repositories, digest, now, soft)
    if attempt.verdict is AttemptVerdict.MAY:
        end_wrong(repositories, attempt, now)
    return attempt.verdict


def total(repositories):
    found = repositories.counters.find(CounterKind.DOMAIN, str(ALICE.id))
    return 0 if found is None else found.failures


def test_the_limit_is_below_the_domains_and_the_window_no_shorter():
    half_hour = DomainLockout(5, 30 * MINUTE, None)
    assert soft_lockout(half_hour, 2, POLICY) == SoftLockout(3, 30 * MINUTE + SLACK)
    short = DomainLockout(10, 5 * MINUTE, None)
    assert soft_lockout(short, 2, POLICY).window == POLICY.window + SLACK


def test_a_domain_that_never_locks_may_do_so_by_a_policy_that_is_not_shown():
    never = DomainLockout(0, 30 * MINUTE, None)
    assert soft_lockout(never, 2, POLICY) == SoftLockout(8, POLICY.window + SLACK)
    assert soft_lockout(never, 2, LockoutPolicy(per_account_and_source=1)).limit == 1


@pytest.mark.parametrize(("threshold", "nothing"), [(0, False), (1, True), (2, True), (3, False)])
def test_a_domain_that_locks_at_once_leaves_nothing(threshold, nothing):
    soft = soft_lockout(DomainLockout(threshold, 30 * MINUTE, None), 2, POLICY)
    assert soft.leaves_nothing is nothing


def test_so_many_wrong_ones_and_no_more_until_none_came_for_the_window(repositories):
    assert [fail(repositories, f"d{n}", NOW + n * 20 * MINUTE) for n in range(3)] == [AttemptVerdict.MAY] * 3
    last = NOW + 40 * MINUTE
    locked = begin(repositories, "d4", last + 30 * MINUTE)
    assert (locked.verdict, locked.locked_by) == (
        AttemptVerdict.LOCKED,
        Scope(CounterKind.DOMAIN, str(ALICE.id), 3),
    )
    assert fail(repositories, "d4", last + 31 * MINUTE) is AttemptVerdict.MAY
    assert total(repositories) == 1


def test_the_same_wrong_one_reaches_the_domain_once_a_window(repositories):
    assert fail(repositories, "stale") is AttemptVerdict.MAY
    for minutes in (0, 10, 30):
        assert fail(repositories, "stale", NOW + minutes * MINUTE) is AttemptVerdict.WRONG_AGAIN
    assert total(repositories) == 1
    assert fail(repositories, "stale", NOW + 31 * MINUTE) is AttemptVerdict.MAY
    assert total(repositories) == 1


def test_what_is_being_tried_is_not_tried_twice_and_a_dead_process_holds_nothing_for_long(repositories):
    assert begin(repositories, "d").verdict is AttemptVerdict.MAY
    assert begin(repositories, "d", NOW + TRYING / 2).verdict is AttemptVerdict.BEING_TRIED
    assert begin(repositories, "d", NOW + TRYING).verdict is AttemptVerdict.MAY
    assert total(repositories) == 2, "the attempt that died counts: the domain may have heard it"


def test_attempts_that_are_under_way_count(repositories):
    for n in range(3):
        assert begin(repositories, f"d{n}").verdict is AttemptVerdict.MAY
    assert begin(repositories, "d4").verdict is AttemptVerdict.LOCKED


def test_a_right_one_prolongs_nothing(repositories):
    fail(repositories, "stale")
    right = begin(repositories, "right", NOW + 20 * MINUTE)
    end_uncounted(repositories, right, is_answered=True)
    assert total(repositories) == 1
    assert fail(repositories, "other", NOW + 31 * MINUTE) is AttemptVerdict.MAY
    assert total(repositories) == 1, "the window of the first failure ended as if nobody had signed in"


def test_a_right_one_alone_leaves_no_trace_on_the_domains_side(repositories):
    end_uncounted(repositories, begin(repositories, "right"), is_answered=True)
    assert [one.kind for one in repositories.counters.list(limit=10)] == [CounterKind.SOURCE]


def test_a_failure_beside_a_right_one_keeps_its_window(repositories):
    right = begin(repositories, "right")
    fail(repositories, "wrong", NOW + MINUTE)
    end_uncounted(repositories, right, is_answered=True)
    found = repositories.counters.find(CounterKind.DOMAIN, str(ALICE.id))
    assert (found.failures, found.window_start) == (1, NOW + MINUTE)
    fail(repositories, "wrong too", NOW + 2 * MINUTE)
    before = begin(repositories, "right", NOW + 3 * MINUTE)
    fail(repositories, "late", NOW + 4 * MINUTE)
    end_uncounted(repositories, before, is_answered=True)
    found = repositories.counters.find(CounterKind.DOMAIN, str(ALICE.id))
    assert (found.failures, found.window_start) == (2, NOW + 2 * MINUTE), "the late one was refused"


def test_counters_that_ended_are_not_taken_back_from(repositories):
    attempt = begin(repositories, "right")
    assert repositories.counters.sweep(before=NOW + 1000 * MINUTE) == 3
    end_uncounted(repositories, attempt, is_answered=True)
    assert total(repositories) == 0


def test_where_nobody_answered_nothing_was_tried(repositories):
    fail(repositories, "wrong")
    attempt = begin(repositories, "unheard", NOW + MINUTE)
    end_uncounted(repositories, attempt, is_answered=False)
    assert total(repositories) == 1
    assert repositories.counters.find(CounterKind.SOURCE, "192.0.2.1").failures == 1
    assert begin(repositories, "unheard", NOW + MINUTE).verdict is AttemptVerdict.MAY


def test_taking_back_the_last_failure_clears_it(repositories):
    end_uncounted(repositories, begin(repositories, "unheard"), is_answered=False)
    assert list(repositories.counters.list(limit=10)) == []
    take_back(repositories.counters, OWN, POLICY.window)
    assert list(repositories.counters.list(limit=10)) == []


def test_our_own_limits_hold_beside(repositories):
    one = replace(OWN[0], limit=1)
    begin(repositories, "a", scopes=(one,))
    refused = begin(repositories, "b", scopes=(one,))
    assert (refused.verdict, refused.locked_by) == (AttemptVerdict.LOCKED, one)
    assert total(repositories) == 1


def test_the_last_failure_that_may_reach_the_domain_is_audited(repositories):
    for n in range(4):
        fail(repositories, f"d{n}")
    events = [entry for entry in repositories.audit.entries() if entry.event == "identity:lockout:begun"]
    assert [entry.details["counter"] for entry in events] == ["domain"]
    assert events[0].details["limit"] == "3"


def test_the_digest_is_the_accounts_own_and_ends_with_the_password():
    keyring = FakeKeyRing()
    mirrored = replace(ALICE, directory=facts_at(NOW))
    digest = secret_digest(keyring, mirrored, "Summer2026")
    assert len(digest) == 32
    assert "Summer" not in digest
    changed = replace(mirrored, directory=facts_at(NOW, password_expires_at=NOW + 60 * MINUTE))
    set_anew = replace(mirrored, directory=facts_at(NOW, password_set_at=NOW))
    others = [
        secret_digest(keyring, replace(mirrored, id=2), "Summer2026"),
        secret_digest(keyring, mirrored, "Summer2027"),
        secret_digest(keyring, changed, "Summer2026"),
        secret_digest(keyring, set_anew, "Summer2026"),
    ]
    assert len({digest, *others}) == 5
    longer = replace(set_anew, directory=facts_at(NOW, password_set_at=NOW, password_expires_at=NOW))
    assert secret_digest(keyring, longer, "Summer2026") == others[-1], (
        "it is the same password, whenever it ends"
    )
    assert secret_digest(keyring, ALICE, "Summer2026") == digest
    assert secret_digest(keyring, mirrored, "\udcff") != digest


def test_the_count_goes_on_from_what_the_domain_has_counted_from_elsewhere(repositories):
    two = replace(THREE, counted=2)
    first, second = (begin(repositories, digest, soft=two) for digest in ("a", "b"))
    assert (first.verdict, second.verdict) == (AttemptVerdict.MAY, AttemptVerdict.LOCKED)
    end_wrong(repositories, first, NOW)
    assert total(repositories) == 3
    assert [entry.event for entry in repositories.audit.entries()] == ["identity:lockout:begun"]
    assert fail(new_repositories(), "a", soft=replace(THREE, counted=3)) is AttemptVerdict.LOCKED


def test_a_right_password_takes_back_what_its_attempt_counted(repositories):
    fail(repositories, "wrong")
    right = begin(repositories, "right", NOW + MINUTE, replace(THREE, counted=2))
    assert total(repositories) == 3
    end_uncounted(repositories, right, is_answered=True)
    kept = repositories.counters.find(CounterKind.DOMAIN, str(ALICE.id))
    assert (kept.failures, kept.window_start) == (1, NOW)
    alone = new_repositories()
    end_uncounted(alone, begin(alone, "right", soft=replace(THREE, counted=2)), is_answered=True)
    assert total(alone) == 0


def test_a_seed_that_others_stood_on_stays_when_the_attempt_that_brought_it_is_taken_back(repositories):
    """The other's attempt went on from what another controller had counted, this one's seed or not."""
    first = begin(repositories, "a", soft=SoftLockout(8, 31 * MINUTE, 3))
    assert fail(repositories, "b", NOW + MINUTE, SoftLockout(8, 31 * MINUTE, 6)) is AttemptVerdict.MAY
    end_uncounted(repositories, first, is_answered=False)
    assert total(repositories) == 6


def test_what_is_tried_in_the_future_is_tried_by_nobody(repositories):
    """Our clock was set back, and the process died: no later than by the other processes' clocks."""
    assert begin(repositories, "d").verdict is AttemptVerdict.MAY
    assert begin(repositories, "d", NOW - SLACK).verdict is AttemptVerdict.BEING_TRIED
    assert begin(repositories, "d", NOW - SLACK - TRYING).verdict is AttemptVerdict.MAY


def told_at(at, failures=0):
    return soft_lockout(DomainLockout(5, 30 * MINUTE, None, failures, at), 2, POLICY)


@pytest.mark.parametrize("jump", [-60 * MINUTE, 60 * MINUTE])
def test_a_window_is_over_when_both_clocks_say_so(jump, repositories):
    assert [fail(repositories, f"d{n}", soft=told_at(NOW)) for n in range(3)] == [AttemptVerdict.MAY] * 3
    almost, over = NOW + 30 * MINUTE, NOW + 31 * MINUTE
    for ours, theirs in ((almost + jump, almost), (almost, almost + jump)):
        assert begin(repositories, "d4", ours, told_at(theirs)).verdict is AttemptVerdict.LOCKED
        assert begin(repositories, "d1", ours, told_at(theirs)).verdict is AttemptVerdict.WRONG_AGAIN
    assert begin(repositories, "d4", over, told_at(over)).verdict is AttemptVerdict.MAY


@pytest.mark.parametrize(("ours", "theirs"), [(-60, 0), (0, -60)])
def test_a_window_that_began_while_one_clock_was_behind_is_no_shorter_once_that_is_right(
    ours, theirs, repositories
):
    for n in range(3):
        fail(repositories, f"d{n}", NOW + ours * MINUTE, told_at(NOW + theirs * MINUTE))
    right = NOW + 30 * MINUTE
    assert begin(repositories, "d4", right, told_at(right)).verdict is AttemptVerdict.LOCKED
    assert begin(repositories, "d1", right, told_at(right)).verdict is AttemptVerdict.WRONG_AGAIN
    assert begin(repositories, "d4", right + MINUTE, told_at(right + MINUTE)).verdict is AttemptVerdict.MAY


@pytest.mark.parametrize(("ours", "theirs"), [(1, 0), (0, 1), (1, 1)])
def test_a_clock_that_was_far_off_locks_nobody_until_then(ours, theirs, repositories):
    far = AHEAD + MINUTE
    for n in range(3):
        fail(repositories, f"d{n}", NOW + ours * far, told_at(NOW + theirs * far))
    assert begin(repositories, "d4", NOW + 2 * MINUTE, told_at(NOW)).verdict is AttemptVerdict.LOCKED
    assert begin(repositories, "d1", NOW, told_at(NOW)).verdict is AttemptVerdict.MAY
    assert begin(repositories, "d4", NOW, told_at(NOW)).verdict is AttemptVerdict.MAY
    assert total(repositories) == 2


class CountingDomain:
    """Counts as MS-SAMR says, by a clock that nobody sets; `ours` and `theirs` are what the others' clocks show."""

    def __init__(self, threshold):
        self.threshold, self.now, self.bad, self.last = threshold, NOW, 0, NOW
        self.jumped = {"ours": 0 * MINUTE, "theirs": 0 * MINUTE}

    @property
    def ours(self):
        return self.now + self.jumped["ours"]

    def soft(self):
        at = self.now + self.jumped["theirs"]
        return soft_lockout(DomainLockout(self.threshold, 30 * MINUTE, None, 0, at), 2, POLICY)

    def count_wrong(self):
        self.bad = self.bad + 1 if self.now - self.last < 30 * MINUTE else 1
        self.last = self.now
        assert self.bad <= self.threshold - 2


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 45)),
    st.tuples(st.just("jump"), st.sampled_from((-60, 0, 60))),
    st.tuples(st.just("begin"), st.integers(0, 9)),
    st.tuples(st.just("end"), st.sampled_from(("wrong", "lost", "right", "unsent"))),
)


SET_BACK_AND_RIGHT_AGAIN = [
    ("jump", -60),
    ("begin", 1),
    ("end", "wrong"),
    ("jump", 0),
    ("begin", 2),
    ("end", "wrong"),
]


@example(SET_BACK_AND_RIGHT_AGAIN, 3, "ours")
@example(SET_BACK_AND_RIGHT_AGAIN, 3, "theirs")
@given(st.lists(STEPS, max_size=80), st.integers(3, 8), st.sampled_from(("ours", "theirs")))
def test_no_jump_of_a_clock_lets_more_reach_the_domain_even_of_what_is_under_way(steps, threshold, jumping):
    """No count of the domain's is shown here, as by a controller that did not hear of the others: ours holds alone."""
    repositories, domain, under_way = new_repositories(), CountingDomain(threshold), []
    unlimited = (Scope(CounterKind.SOURCE, "x", 10_000),)

    def end(how):
        attempt = under_way.pop(0)
        if how in ("wrong", "lost"):
            domain.count_wrong()
        if how == "wrong":
            end_wrong(repositories, attempt, domain.ours)
        elif how == "lost":
            end_lost(repositories, attempt)
        else:
            end_uncounted(repositories, attempt, is_answered=how == "right")
        if how == "right":
            domain.bad = 0

    for step, value in steps:
        if step == "pass":
            while under_way:
                end("wrong")
            domain.now += value * MINUTE
        elif step == "jump":
            domain.jumped[jumping] = value * MINUTE
        elif step == "begin":
            attempt = begin(repositories, str(value), domain.ours, domain.soft(), unlimited)
            if attempt.verdict is AttemptVerdict.MAY:
                under_way.append(attempt)
        elif under_way:
            end(value)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 45), st.integers(0, 5), st.sampled_from("rwx"), st.sampled_from((0, 0, 0, -60, 60))
        ),
        max_size=60,
    ),
    st.integers(3, 8),
)
def test_whatever_is_tried_the_domains_own_count_stays_below_its_threshold(tries, threshold):
    """The domain counts as MS-SAMR says: on within its window of the last failure, to nothing by a right password. "x" are
    wrong ones that somebody types elsewhere: ours come on top only as far as those leave room. Our own clock jumps meanwhile.
    """
    repositories = new_repositories()
    unlimited = (Scope(CounterKind.SOURCE, "x", 10_000),)
    now, bad, last, heard, jumped = NOW, 0, NOW, {}, 0 * MINUTE
    for minutes, secret, kind, jump in tries:
        now += minutes * MINUTE
        jumped = jump * MINUTE
        bad = bad if now - last < 30 * MINUTE else 0
        if kind == "x":
            bad, last = bad + 1, now
            continue
        soft = soft_lockout(DomainLockout(threshold, 30 * MINUTE, None, bad, now), 2, POLICY)
        attempt = begin(repositories, f"{secret}{kind}", now + jumped, soft, unlimited)
        if attempt.verdict is not AttemptVerdict.MAY:
            continue
        if kind == "r":
            end_uncounted(repositories, attempt, is_answered=True)
            bad = 0
            continue
        end_wrong(repositories, attempt, now + jumped)
        assert secret not in heard or now - heard[secret] >= soft.window
        heard[secret] = now
        bad, last = bad + 1, now
        assert bad <= threshold - 2
