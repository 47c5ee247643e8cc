from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from handfast.identity.audit import AuditEvent
from handfast.identity.directory import claims
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.claims import claim_of
from handfast.identity.directory.mirroring import (
    claim_free_names,
    end_accounts,
    find_free_names,
    mirror_accounts,
    mirror_gone,
)
from handfast.identity.directory.news import find_news
from handfast.identity.names import fold
from handfast.identity.records import Partnership, PartnershipState, RevocationScope
from tests.fakes.clock import START
from tests.fakes.directory import FOR_EVER, entry, group, sid_of
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRepositories, Tables

LATER = START + timedelta(minutes=1)
SALES = group("Sales")
WATCHING = MirrorPolicy(watched_groups=frozenset({"CONTOSO\\SALES"}))


def settle(r, policy=WATCHING):
    """What a reading ends with."""
    free, report = find_free_names(r, LATER)
    report.add(claim_free_names(r, free, policy, LATER))
    return report


class Mirror:
    """The records of one installation, and what the directory is let say to them."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.r = InMemoryRepositories(self.tables, FakeKeyRing(), "test")

    def tell(self, *entries, policy=WATCHING, now=LATER):
        """What is published and recorded of it."""
        published, audited = len(self.tables.revocations), len(self.tables.audit)
        report = mirror_accounts(self.r, entries, policy, now)
        self.scopes = [(one.scope, one.account_id) for one in self.tables.revocations[published:]]
        self.audit = self.tables.audit[audited:]
        assert [one.event for one in self.audit] == report.events
        return report

    def gone(self, *sids):
        return mirror_gone(self.r, sids, LATER)

    def by_name(self, user):
        return self.r.accounts.find_by_domain_user("CONTOSO", user)

    def by_rid(self, rid):
        return self.r.accounts.find_by_sid(sid_of(rid))

    def add_local(self, user, upn=""):
        return self.r.accounts.add(user=user, domain="CONTOSO", upn=upn, display_name="", now=START)

    @property
    def events(self):
        return [one.event for one in self.audit]


@pytest.fixture
def mirror():
    return Mirror()


ALICE = entry("alice", 1101, groups=frozenset({SALES}))
BOB = entry("bob", 1102)


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


def test_an_account_made_anew_gets_nothing_of_the_one_that_had_its_name(mirror):
    mirror.tell(ALICE)
    old = mirror.by_name("alice")
    mirror.tell(entry("alice", 1199))
    assert mirror.by_name("alice").sid == sid_of(1199)
    assert mirror.by_name("alice").id != old.id
    still = mirror.r.accounts.find(old.id)
    assert (still.is_gone, still.is_named, still.user) == (True, False, "alice")
    assert mirror.events == [AuditEvent.ACCOUNT_GONE, AuditEvent.ACCOUNT_MIRRORED]
    assert mirror.audit[0].details["name_now_of"] == sid_of(1199)
    assert (RevocationScope.ACCOUNT, old.id) in mirror.scopes
    mirror.gone(ALICE.sid)
    assert mirror.by_name("alice").sid == sid_of(1199)


@pytest.mark.parametrize("order", [1, -1])
def test_two_swap_their_names_in_one_reading_or_in_two(mirror, order):
    mirror.tell(ALICE, BOB)
    alice, bob = mirror.by_name("alice").id, mirror.by_name("bob").id
    swapped = [replace(ALICE, user="bob", upn=BOB.upn), replace(BOB, user="alice", upn=ALICE.upn)][::order]
    mirror.tell(*swapped)
    assert (mirror.by_name("bob").id, mirror.by_name("alice").id) == (alice, bob)
    assert mirror.events == [AuditEvent.ACCOUNT_RENAMED] * 2
    for one in [ALICE, BOB][::order]:
        mirror.tell(one)
    assert (mirror.by_name("bob").id, mirror.by_name("alice").id) == (bob, alice)
    assert not mirror.by_name("alice").is_gone


def test_who_is_gone_keeps_the_name_until_it_is_taken_and_comes_back_as_the_same(mirror):
    mirror.tell(ALICE)
    before = mirror.by_name("alice")
    report = mirror.gone(ALICE.sid, "S-1-unknown")
    assert report.events == [AuditEvent.ACCOUNT_GONE]
    assert mirror.by_name("alice").is_gone
    assert mirror.gone(ALICE.sid).events == []
    mirror.tell(ALICE)
    assert mirror.events == [AuditEvent.ACCOUNT_RETURNED]
    assert mirror.scopes == []
    assert mirror.by_name("alice") == before


@pytest.mark.parametrize("upn", ["", "alice@contoso.lab"])
def test_a_local_account_is_never_taken_over(mirror, upn):
    local = mirror.add_local("alice" if not upn else "somebody", upn)
    report = mirror.tell(ALICE, BOB)
    assert report.conflicts == ["CONTOSO\\alice (alice@contoso.lab)"]
    assert mirror.events == [AuditEvent.ACCOUNT_NAME_CONFLICT, AuditEvent.ACCOUNT_MIRRORED]
    assert mirror.r.accounts.find(local.id) == local
    unnamed = mirror.by_rid(1101)
    assert (unnamed.is_named, unnamed.is_gone) == (False, False)
    assert list(mirror.r.accounts.find_by_mail(ALICE.facts.mail)) == []
    assert mirror.tell(ALICE).events == []
    assert settle(mirror.r).conflicts == report.conflicts
    mirror.r.accounts.remove(local.id)
    assert settle(mirror.r).events == [AuditEvent.ACCOUNT_RENAMED]
    assert mirror.by_name("alice").sid == ALICE.sid
    assert settle(mirror.r).events == []


MADE_UP = replace(BOB, is_upn_made_up=True)
CLAIMANT = replace(ALICE, upn=BOB.upn)


def settled(mirror):
    """Whose UPNs lead to nobody once a reading has ended."""
    return settle(mirror.r).contested


@pytest.mark.parametrize("claimant_first", [True, False])
def test_a_upn_that_is_made_up_gives_way_to_one_that_an_account_has_and_takes_nothing_else(
    mirror, claimant_first
):
    mirror.tell(*((CLAIMANT, MADE_UP) if claimant_first else (MADE_UP,)))
    if not claimant_first:
        assert mirror.r.accounts.find_by_upn(BOB.upn).sid == BOB.sid
        mirror.tell(CLAIMANT)
        assert mirror.scopes == [(RevocationScope.ACCOUNT, mirror.by_name("bob").id)]
    assert AuditEvent.ACCOUNT_NAME_CONFLICT in mirror.events
    assert AuditEvent.ACCOUNT_GONE not in mirror.events
    assert mirror.r.accounts.find_by_upn(BOB.upn).sid == ALICE.sid
    bob = mirror.by_name("bob")
    assert (bob.upn, bob.contested_upn, bob.is_gone, bob.is_named) == ("", "", False, True)
    assert settled(mirror) == ["CONTOSO\\bob (bob@contoso.lab)"]
    assert find_news(mirror.r, [MADE_UP, CLAIMANT]) == []
    mirror.tell(ALICE)
    assert settled(mirror) == []
    assert mirror.r.accounts.find_by_upn(BOB.upn) == mirror.by_name("bob")
    assert mirror.by_name("bob").is_upn_made_up


@pytest.mark.parametrize("readings", [[[BOB, CLAIMANT]], [[BOB], [CLAIMANT]], [[CLAIMANT], [BOB]]])
def test_a_upn_that_two_have_leads_to_neither_until_one_has_it_alone(mirror, readings):
    for entries in readings:
        mirror.tell(*entries)
    assert mirror.r.accounts.find_by_upn(BOB.upn) is None
    for user in ("alice", "bob"):
        account = mirror.by_name(user)
        assert (account.upn, account.contested_upn, account.is_gone) == ("", BOB.upn, False)
    assert sorted(settled(mirror)) == ["CONTOSO\\alice (bob@contoso.lab)", "CONTOSO\\bob (bob@contoso.lab)"]
    assert find_news(mirror.r, [BOB, CLAIMANT]) == []
    mirror.gone(ALICE.sid)
    assert settled(mirror) == []
    assert mirror.r.accounts.find_by_upn(BOB.upn).sid == BOB.sid
    mirror.tell(CLAIMANT)
    assert mirror.r.accounts.find_by_upn(BOB.upn) is None
    assert (RevocationScope.ACCOUNT, mirror.by_name("bob").id) in mirror.scopes
    mirror.tell(ALICE)
    assert settled(mirror) == []
    assert mirror.r.accounts.find_by_upn(BOB.upn).sid == BOB.sid


@pytest.mark.parametrize("bob", [BOB, MADE_UP])
def test_who_is_gone_gives_a_upn_up_but_not_the_login(mirror, bob):
    mirror.tell(CLAIMANT)
    mirror.gone(ALICE.sid)
    mirror.tell(bob)
    assert mirror.r.accounts.find_by_upn(BOB.upn).sid == BOB.sid
    assert mirror.by_name("alice").is_gone
    assert mirror.events == [AuditEvent.ACCOUNT_MIRRORED]


def test_a_local_accounts_upn_is_not_taken_by_one_that_is_made_up_either(mirror):
    local = mirror.add_local("somebody", BOB.upn)
    assert mirror.tell(MADE_UP).conflicts == ["CONTOSO\\bob (bob@contoso.lab)"]
    assert mirror.r.accounts.find_by_upn(BOB.upn) == local
    mirror.r.accounts.remove(local.id)
    settle(mirror.r)
    assert mirror.r.accounts.find_by_upn(BOB.upn).sid == BOB.sid


def test_of_two_that_wait_for_one_name_the_first_has_it_until_the_directory_says_more(mirror):
    local = mirror.add_local("alice")
    mirror.tell(ALICE)
    mirror.tell(entry("alice", 1199, upn="other@contoso.lab"))
    mirror.r.accounts.remove(local.id)
    assert settle(mirror.r).conflicts == ["CONTOSO\\alice (other@contoso.lab)"]
    assert mirror.by_name("alice").sid == ALICE.sid
    assert not mirror.by_rid(1199).is_gone
    mirror.tell(replace(ALICE, user="alicia"))
    assert settle(mirror.r).conflicts == []
    assert mirror.by_name("alice").sid == sid_of(1199)


def test_a_name_that_is_no_longer_free_when_it_is_given_out_stays_with_who_has_it(mirror):
    local = mirror.add_local("alice")
    mirror.tell(ALICE)
    mirror.r.accounts.remove(local.id)
    free, _ = find_free_names(mirror.r, LATER)
    assert free == [ALICE.sid]
    local = mirror.add_local("alice")
    assert claim_free_names(mirror.r, free, WATCHING, LATER).conflicts == [
        "CONTOSO\\alice (alice@contoso.lab)"
    ]
    assert mirror.by_name("alice") == local
    mirror.r.accounts.remove(local.id)
    mirror.gone(ALICE.sid)
    assert claim_free_names(mirror.r, free, WATCHING, LATER).events == []


@pytest.mark.parametrize(("name", "twin"), [("გიორგი", "ᲒᲘᲝᲠᲒᲘ"), ("ɐlex", "Ɐlex")])
def test_a_name_that_the_domain_may_keep_apart_takes_nothing_from_who_is_there(mirror, name, twin):
    mirror.tell(entry(name, 1101, upn="v@contoso.lab"))
    report = mirror.tell(entry(twin, 1102, upn="h@contoso.lab"))
    assert report.conflicts == settle(mirror.r).conflicts == [f"CONTOSO\\{twin} (h@contoso.lab)"]
    assert mirror.by_name(name) == mirror.by_name(twin) == mirror.by_rid(1101)
    assert not mirror.by_rid(1101).is_gone
    mirror.tell(entry(twin, 1101, upn="v@contoso.lab"))
    assert mirror.by_name(twin).sid == sid_of(1101), "it may be written anew itself"
    mirror.gone(sid_of(1101))
    settle(mirror.r)
    assert mirror.by_name(twin).sid == sid_of(1102)


def test_thousands_that_claim_one_upn_look_at_each_other_a_few_times_each(mirror, monkeypatch):
    number = 1000
    people = [entry(f"user{rid}", rid, upn="boss@contoso.lab") for rid in range(2000, 2000 + number)]
    mirror.tell(*people[:-1])
    looks = 0

    def counted(account):
        nonlocal looks
        looks += 1
        return claim_of(account)

    monkeypatch.setattr(claims, "claim_of", counted)
    mirror.tell(people[-1])
    assert len(settled(mirror)) == number
    assert looks < 4 * number


def test_who_was_renamed_in_the_directory_is_so_by_a_upn_of_its_own_too(mirror):
    mirror.tell(MADE_UP)
    mirror.tell(BOB)
    assert mirror.events == [AuditEvent.ACCOUNT_RENAMED]
    assert mirror.scopes == [], "the same name leads to the same account"
    assert not mirror.by_name("bob").is_upn_made_up


def test_who_is_renamed_to_what_a_local_account_is_called_is_locked_out_and_told_of(mirror):
    mirror.tell(ALICE)
    local = mirror.add_local("taken")
    mirror.tell(replace(ALICE, user="taken"))
    assert mirror.events == [AuditEvent.ACCOUNT_RENAMED, AuditEvent.ACCOUNT_NAME_CONFLICT]
    assert not mirror.by_rid(1101).is_named
    assert mirror.scopes == [(RevocationScope.ACCOUNT, mirror.by_rid(1101).id)]
    assert mirror.by_name("taken").id == local.id


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
    by_sid = MirrorPolicy(watched_groups=frozenset({fold(SALES.sid)}))
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
def test_names_that_can_be_no_accounts_are_told_of_and_nobody_stays_under_the_old_ones(mirror, user):
    mirror.tell(ALICE)
    report = mirror.tell(replace(ALICE, user=user), replace(BOB, user=user))
    assert len(report.unfit) == 2
    assert mirror.events == [AuditEvent.ACCOUNT_GONE]
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
        settle(self.mirror.r, POLICY)
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
