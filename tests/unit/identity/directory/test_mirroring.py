from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.claims import claim_of
from handfast.identity.directory.mirroring import (
    end_accounts,
    mirror_accounts,
    mirror_gone,
)
from handfast.identity.directory.news import find_news
from handfast.identity.records import Partnership, PartnershipState, RevocationScope
from handfast.identity.subjects import rule_key
from tests.fakes.clock import START
from tests.fakes.directory import FOR_EVER, entry, group
from tests.fakes.mirror import ALICE, BOB, LATER, SALES, Mirror


@pytest.fixture
def mirror():
    return Mirror()


def test_an_account_is_stored_as_the_directory_has_it_and_told_once(mirror):
    mirror.tell(ALICE)
    stored = mirror.by_name("alice")
    assert (stored.sid, stored.upn, stored.display_name) == (ALICE.sid, "alice@contoso.lab", "Alice")
    assert stored.directory == ALICE.facts
    assert mirror.r.accounts.groups_of(stored.id) == {SALES}
    assert mirror.events == [AuditEvent.ACCOUNT_MIRRORED]
    assert mirror.scopes == []
    read_again = replace(ALICE, facts=replace(ALICE.facts, read_at=LATER))
    before = mirror.tables.snapshot()
    assert mirror.tell(read_again).events == []
    assert mirror.tables == before
    assert find_news(mirror.r, [read_again]) == []


def test_a_renamed_account_keeps_its_row_and_what_is_open_under_the_old_name_is_cut(mirror):
    mirror.tell(ALICE)
    before = mirror.by_name("alice")
    mirror.tell(replace(ALICE, user="alicia", upn="alicia@contoso.lab"))
    assert mirror.by_name("alicia").id == before.id
    assert mirror.by_name("alice") is None
    assert mirror.events == [AuditEvent.ACCOUNT_RENAMED]
    assert mirror.audit[0].details["before"] == "CONTOSO\\alice (alice@contoso.lab)"
    assert mirror.scopes == [(RevocationScope.ACCOUNT, before.id)]


def test_another_display_name_cuts_nothing(mirror):
    mirror.tell(ALICE)
    mirror.tell(replace(ALICE, display_name="Alice B."))
    assert (mirror.events, mirror.scopes) == ([AuditEvent.ACCOUNT_RENAMED], [])


@pytest.mark.parametrize(
    ("facts", "is_cut"),
    [
        ({"is_enabled": False}, True),
        ({"locked_until": FOR_EVER}, True),
        ({"expires_at": LATER + timedelta(days=1)}, True),
        ({"mail": "other@contoso.lab"}, False),
    ],
    ids=str,
)
def test_whatever_takes_something_away_cuts_what_is_open(mirror, facts, is_cut):
    mirror.tell(ALICE)
    mirror.tell(replace(ALICE, facts=replace(ALICE.facts, **facts)))
    assert mirror.events == [AuditEvent.ACCOUNT_CHANGED]
    assert list(mirror.audit[0].details) == ["sid", *facts]
    assert bool(mirror.scopes) is is_cut


def test_groups_that_rules_name_cut_and_others_do_not(mirror):
    other = group("Other")
    mirror.tell(ALICE)
    mirror.tell(replace(ALICE, groups=frozenset({SALES, other})))
    assert (mirror.events, mirror.scopes) == ([AuditEvent.ACCOUNT_REGROUPED], [])
    assert mirror.audit[0].details["won"] == "CONTOSO\\Other"
    mirror.tell(replace(ALICE, groups=frozenset({other})))
    assert mirror.audit[0].details["lost"] == "CONTOSO\\Sales"
    assert mirror.scopes == [(RevocationScope.ACCOUNT, mirror.by_name("alice").id)]
    by_sid = MirrorPolicy(watched_groups=frozenset({rule_key(SALES.sid)}))
    mirror.tell(ALICE, policy=by_sid)
    assert len(mirror.scopes) == 1


def test_a_group_without_a_name_keeps_the_one_that_is_known(mirror):
    mirror.tell(ALICE)
    nameless = replace(ALICE, groups=frozenset({replace(SALES, domain="", name="")}))
    assert find_news(mirror.r, [nameless]) == []
    assert mirror.tell(nameless).events == []


def test_a_group_that_rules_name_is_renamed_and_everybody_is_asked_anew(mirror):
    mirror.tell(ALICE, BOB, entry("carol", 1103, groups=ALICE.groups))
    assert mirror.scopes == []
    renamed = frozenset({replace(SALES, name="Ex-Sales")})
    mirror.tell(replace(BOB, groups=renamed), replace(ALICE, groups=renamed))
    assert mirror.scopes.count((RevocationScope.EVERYTHING, None)) == 1
    mirror.tell(replace(BOB, groups=frozenset({replace(SALES, name="Even more Ex-Sales")})))
    assert mirror.scopes == []


def test_a_password_set_anew_is_told_and_cuts_where_domain_passwords_are_taken(mirror):
    taking = MirrorPolicy(takes_domain_passwords=True)
    mirror.tell(ALICE, policy=taking)
    learned = replace(ALICE, facts=replace(ALICE.facts, password_set_at=START))
    assert mirror.tell(learned, policy=taking).events == []
    assert (mirror.scopes, mirror.by_name("alice").directory.password_set_at) == ([], START)
    changed = replace(ALICE, facts=replace(ALICE.facts, password_set_at=LATER))
    assert mirror.tell(changed, policy=taking).events == [AuditEvent.ACCOUNT_CHANGED]
    assert mirror.audit[-1].details["password_set_at"].endswith(LATER.isoformat())
    assert mirror.scopes == [(RevocationScope.ACCOUNT, mirror.by_name("alice").id)]
    assert mirror.tell(replace(changed, facts=replace(changed.facts, password_set_at=START))).events
    assert mirror.scopes == []


@pytest.mark.parametrize("user", ["", "a/b", "x" * 321])
def test_names_that_can_be_no_accounts_are_told_of_and_nobody_gets_in_by_the_old_ones(mirror, user):
    mirror.tell(ALICE)
    report = mirror.tell(replace(ALICE, user=user), replace(BOB, user=user))
    assert len(report.unfit) == 2
    assert mirror.events == [AuditEvent.ACCOUNT_CHANGED]
    assert mirror.by_name("alice") is None
    assert not mirror.by_rid(1101).directory.is_enabled
    assert mirror.by_rid(1102) is None
    assert mirror.tell(replace(BOB, sid="")).unfit == [": an account without a SID"]


@pytest.mark.parametrize("mail", ["a\x00b@x", "x" * 321, "a\\b@x"])
def test_a_mail_address_that_can_be_none_is_none(mirror, mail):
    told = replace(ALICE, facts=replace(ALICE.facts, mail=mail))
    mirror.tell(told)
    assert mirror.by_name("alice").directory.mail == ""
    assert find_news(mirror.r, [told]) == []


def test_what_ended_since_the_last_look_is_cut_and_told_once(mirror):
    soon, later = START + timedelta(seconds=10), START + timedelta(seconds=20)
    ends = {
        "carol": {"expires_at": soon},
        "dave": {"password_expires_at": later},
        "eve": {"expires_at": FOR_EVER},
    }
    mirror.tell(*(entry(user, 1200 + n, **facts) for n, (user, facts) in enumerate(ends.items())))

    def end(after, until, **policy):
        report = end_accounts(mirror.r, MirrorPolicy(**policy), after=after, until=until)
        return [mirror.tables.audit[-1].details["what"]] if report.events else []

    assert end(START, soon) == ["account"]
    assert mirror.tables.revocations[-1].account_id == mirror.by_name("carol").id
    assert end(soon, later) == ["domain password"]
    assert end(soon, later, refuses_expired_passwords=False) == []
    assert end(later, LATER) == []


USERS = ["a", "b", "c", "d"]
POLICY = MirrorPolicy()


def _upn(user: str, name: str) -> dict[str, object]:
    """What an account says of its UPN; without a name it has none."""
    return {"upn": f"{name or user}@contoso.lab", "is_upn_made_up": not name}


class MirroringInAnyOrder(RuleBasedStateMachine):
    """A domain changes, and tells what it is now in pieces and in any order; local accounts come and go beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.mirror = Mirror()
        self.domain: dict[str, object] = {}
        self.untold: set[str] = set()
        self.told: dict[str, object] = {}
        self.local: dict[str, object] = {}
        self.ever_local: set[str] = set()
        self.rids = 1100

    def _change(self, account) -> None:
        self.domain[account.sid] = account
        self.untold.add(account.sid)

    def _is_free(self, user: str) -> bool:
        """Active Directory gives each sAMAccountName once, and UPNs as often as people like."""
        return not any(one.user == user for one in self.domain.values())

    @rule(user=st.sampled_from(USERS), upn=st.sampled_from([*USERS, ""]))
    def create(self, user, upn):
        if self._is_free(user):
            self.rids += 1
            self._change(entry(user, self.rids, **_upn(user, upn)))

    @precondition(lambda self: self.domain)
    @rule(data=st.data(), user=st.sampled_from(USERS), upn=st.sampled_from([*USERS, ""]))
    def rename(self, data, user, upn):
        sid = data.draw(st.sampled_from(sorted(self.domain)))
        account = self.domain.pop(sid)
        if self._is_free(user):
            account = replace(account, user=user, **_upn(user, upn))
        self._change(account)

    @precondition(lambda self: len(self.domain) > 1)
    @rule(data=st.data())
    def swap(self, data):
        one, other = data.draw(st.permutations(sorted(self.domain)))[:2]
        first, second = self.domain[one], self.domain[other]
        self._change(replace(first, user=second.user, upn=second.upn, is_upn_made_up=second.is_upn_made_up))
        self._change(replace(second, user=first.user, upn=first.upn, is_upn_made_up=first.is_upn_made_up))

    @precondition(lambda self: self.domain)
    @rule(data=st.data())
    def delete(self, data):
        sid = data.draw(st.sampled_from(sorted(self.domain)))
        del self.domain[sid]
        self.untold.add(sid)

    @rule(user=st.sampled_from(USERS))
    def add_local(self, user):
        if self.mirror.by_name(user) is None:
            account = self.mirror.add_local(user)
            self.local[user] = account
            self.ever_local.add(user)
            self._pair(account)

    @precondition(lambda self: self.local)
    @rule(data=st.data())
    def remove_local(self, data):
        user = data.draw(st.sampled_from(sorted(self.local)))
        self.mirror.r.accounts.remove(self.local.pop(user).id)

    @precondition(lambda self: self.untold)
    @rule(data=st.data())
    def tell_some(self, data):
        order = data.draw(st.permutations(sorted(self.untold)))
        self._tell(order[: data.draw(st.integers(1, len(order)))], gone_first=data.draw(st.booleans()))

    @rule(data=st.data())
    def tell_all_and_settle(self, data):
        order = data.draw(st.permutations(sorted(self.untold | set(self.domain))))
        for at in range(0, len(order), 2):
            self._tell(order[at : at + 2], gone_first=data.draw(st.booleans()))
        self.mirror.settle(POLICY)
        self._is_the_domain()

    def _tell(self, sids, *, gone_first) -> None:
        there = [self.domain[sid] for sid in sids if sid in self.domain]
        steps = [
            lambda: mirror_gone(self.mirror.r, [sid for sid in sids if sid not in self.domain], LATER),
            lambda: mirror_accounts(self.mirror.r, there, POLICY, LATER),
        ]
        for step in steps if gone_first else reversed(steps):
            step()
        for account in there:
            self.told[account.sid] = account
            self._pair(self.mirror.r.accounts.find_by_sid(account.sid))
        self.untold -= set(sids)

    def _pair(self, account) -> None:
        device = account.sid or f"local-{account.id}"
        known = Partnership(account.id, device, PartnershipState.ALLOWED, "t", "", START, START)
        self.mirror.tables.partnerships[account.id, device] = known

    def _is_the_domain(self) -> None:
        for account in self.mirror.tables.accounts.values():
            if account.sid is not None and account.sid not in self.domain:
                assert account.is_gone
        for sid, wanted in self.domain.items():
            stored = self.mirror.r.accounts.find_by_sid(sid)
            assert not stored.is_gone
            assert (stored.user, claim_of(stored)) == (wanted.user, claim_of(wanted))
            assert stored.is_named is (wanted.user not in self.local)
            if stored.is_named:
                assert self.mirror.by_name(wanted.user).sid == sid
        named = [one for one in self.domain.values() if one.user not in self.local]
        for upn in {one.upn for one in named}:
            own = [one for one in named if one.upn == upn and not one.is_upn_made_up]
            rightful = own or [one for one in named if one.upn == upn]
            found = self.mirror.r.accounts.find_by_upn(upn)
            assert (found.sid if found else None) == (rightful[0].sid if len(rightful) == 1 else None)

    @invariant()
    def a_device_stays_with_its_sid(self):
        for account_id, device in self.mirror.tables.partnerships:
            account = self.mirror.r.accounts.find(account_id)
            assert device == (account.sid or f"local-{account.id}")

    @invariant()
    def a_name_leads_to_who_was_last_said_to_have_it(self):
        for user in USERS:
            found = self.mirror.by_name(user)
            if found is not None and found.sid is not None:
                assert self.told[found.sid].user == user

    @invariant()
    def a_upn_leads_to_who_was_last_said_to_have_it(self):
        for user in USERS:
            found = self.mirror.r.accounts.find_by_upn(f"{user}@contoso.lab")
            if found is not None:
                assert self.told[found.sid].upn == f"{user}@contoso.lab"

    @invariant()
    def only_local_accounts_keep_who_is_there_from_a_name(self):
        for account in self.mirror.r.accounts.list_unnamed():
            assert account.user in self.ever_local

    @invariant()
    def local_accounts_are_left_alone(self):
        for user, account in self.local.items():
            assert self.mirror.by_name(user) == account


TestMirroringInAnyOrder = MirroringInAnyOrder.TestCase
TestMirroringInAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
