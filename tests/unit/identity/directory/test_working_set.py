from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.directory.working_set import WorkingSet
from handfast.identity.ports import Conflict
from handfast.identity.records import NewAccount
from tests.fakes.clock import START
from tests.fakes.directory import entry, group, sid_of
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRepositories, Tables

ALICE, BOB = entry("alice", 1101, groups=frozenset({group("Sales")})), entry("bob", 1102)


def new(one, **changes):
    return replace(NewAccount(one.sid, one.user, one.domain, one.upn, one.display_name, one.facts), **changes)


@pytest.fixture
def repositories():
    return InMemoryRepositories(Tables(), FakeKeyRing(), "test")


@pytest.fixture
def working(repositories):
    """With alice stored, about to hear of both."""
    repositories.accounts.add_all([new(ALICE)], now=START)
    alice = repositories.accounts.find_by_sid(ALICE.sid)
    repositories.accounts.set_groups(alice.id, ALICE.groups)
    return WorkingSet(repositories, [ALICE, BOB], START)


def test_what_is_stored_is_found_by_sid_login_and_claim(working):
    alice = working.with_sid(ALICE.sid)
    assert alice.user == "alice"
    assert working.with_login("contoso", "ALICE") == alice
    assert list(working.claiming("Alice@Contoso.lab")) == [working.with_upn("ALICE@contoso.lab")] == [alice]
    assert working.groups_of(alice) == ALICE.groups == set(working.groups.values())
    assert working.with_sid("S-1-0") is working.with_login("X", "alice") is working.with_upn("") is None
    assert not list(working.claiming(""))


@pytest.mark.parametrize(
    "ask",
    [
        lambda w: w.with_sid(BOB.sid),
        lambda w: w.with_login("CONTOSO", "Bob"),
        lambda w: w.with_upn("bob@contoso.lab"),
        lambda w: next(w.claiming("bob@contoso.lab")),
    ],
)
def test_what_is_new_is_stored_at_the_latest_when_it_is_asked_for(working, repositories, ask):
    working.add(new(BOB), ALICE.groups)
    assert working.with_login("CONTOSO", "alice").user == "alice"
    assert repositories.accounts.find_by_sid(BOB.sid) is None, "not before it has to be"
    bob = ask(working)
    assert bob == repositories.accounts.find_by_sid(BOB.sid)
    assert working.groups_of(bob) == repositories.accounts.groups_of(bob.id) == ALICE.groups


def test_what_is_new_is_stored_together(working, repositories):
    for rid in (1201, 1202):
        working.add(new(entry(f"user{rid}", rid)), frozenset())
    working.flush()
    working.flush()
    assert {one.sid for one in repositories.accounts.list()} == {ALICE.sid, sid_of(1201), sid_of(1202)}
    working.add(new(BOB, user="alice"), frozenset())
    with pytest.raises(Conflict):
        working.flush()


def test_who_is_renamed_is_found_by_the_new_names_alone(working, repositories):
    alice = working.with_sid(ALICE.sid)
    renamed = replace(alice, user="alicia", upn="", contested_upn="boss@contoso.lab")
    working.rename(renamed)
    assert working.with_login("CONTOSO", "alice") is None
    assert not list(working.claiming("alice@contoso.lab"))
    assert working.with_upn("boss@contoso.lab") is None, "it leads to nobody"
    assert working.with_login("CONTOSO", "alicia") == next(working.claiming("boss@contoso.lab")) == renamed
    assert repositories.accounts.find_by_sid(ALICE.sid) == renamed
    working.rename(replace(renamed, is_named=False))
    assert working.with_login("CONTOSO", "alicia") is None
    assert not list(working.claiming("boss@contoso.lab"))
    assert not working.with_sid(ALICE.sid).is_named


def test_who_is_gone_keeps_its_upn_and_claims_nothing(working):
    alice = working.with_sid(ALICE.sid)
    working.set_directory(alice, replace(ALICE.facts, is_present=False))
    assert working.with_upn(ALICE.upn).is_gone
    assert not list(working.claiming(ALICE.upn))


def test_a_upn_that_was_made_up_is_claimed_before_it_is_stored(working):
    working.add(new(BOB, upn="", is_upn_made_up=False), frozenset())
    assert next(working.claiming("bob@contoso.lab")).sid == BOB.sid


def test_names_and_facts_may_change_one_after_the_other_whichever_account_is_at_hand(working, repositories):
    alice = working.with_sid(ALICE.sid)
    gone = replace(ALICE.facts, is_present=False)
    working.set_directory(alice, gone)
    working.rename(replace(alice, is_named=False))
    assert working.with_sid(ALICE.sid).is_gone
    working.set_directory(alice, ALICE.facts)
    now = working.with_sid(ALICE.sid)
    assert (now.is_gone, now.is_named) == (False, False)
    assert now == repositories.accounts.find_by_sid(ALICE.sid)


def test_facts_and_groups_are_kept_as_they_change(working, repositories):
    alice = working.with_sid(ALICE.sid)
    disabled = replace(ALICE.facts, is_enabled=False)
    working.set_directory(alice, disabled)
    working.set_groups(alice, frozenset())
    assert working.with_sid(ALICE.sid).directory == disabled
    assert working.groups_of(alice) == frozenset() == repositories.accounts.groups_of(alice.id)
    assert repositories.accounts.find_by_sid(ALICE.sid).directory == disabled
