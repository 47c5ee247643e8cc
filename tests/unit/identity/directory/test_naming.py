from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.directory import claims
from handfast.identity.directory.claims import claim_of
from handfast.identity.directory.mirroring import claim_free_names, find_free_names
from handfast.identity.directory.news import find_news
from handfast.identity.records import RevocationScope
from tests.fakes.directory import entry, sid_of
from tests.fakes.mirror import ALICE, BOB, LATER, WATCHING, Mirror

MADE_UP = replace(BOB, is_upn_made_up=True)
CLAIMANT = replace(ALICE, upn=BOB.upn)


@pytest.fixture
def mirror():
    return Mirror()


def settled(mirror):
    """Whose UPNs lead to nobody once a reading has ended."""
    return mirror.settle().contested


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
    assert mirror.settle().conflicts == report.conflicts
    mirror.r.accounts.remove(local.id)
    assert mirror.settle().events == [AuditEvent.ACCOUNT_RENAMED]
    assert mirror.by_name("alice").sid == ALICE.sid
    assert mirror.settle().events == []


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
    mirror.settle()
    assert mirror.r.accounts.find_by_upn(BOB.upn).sid == BOB.sid


def test_of_two_that_wait_for_one_name_the_first_has_it_until_the_directory_says_more(mirror):
    local = mirror.add_local("alice")
    mirror.tell(ALICE)
    mirror.tell(entry("alice", 1199, upn="other@contoso.lab"))
    mirror.r.accounts.remove(local.id)
    assert mirror.settle().conflicts == ["CONTOSO\\alice (other@contoso.lab)"]
    assert mirror.by_name("alice").sid == ALICE.sid
    assert not mirror.by_rid(1199).is_gone
    mirror.tell(replace(ALICE, user="alicia"))
    assert mirror.settle().conflicts == []
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
    assert report.conflicts == mirror.settle().conflicts == [f"CONTOSO\\{twin} (h@contoso.lab)"]
    assert mirror.by_name(name) == mirror.by_name(twin) == mirror.by_rid(1101)
    assert not mirror.by_rid(1101).is_gone
    mirror.tell(entry(twin, 1101, upn="v@contoso.lab"))
    assert mirror.by_name(twin).sid == sid_of(1101), "it may be written anew itself"
    mirror.gone(sid_of(1101))
    mirror.settle()
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
