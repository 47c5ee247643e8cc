from __future__ import annotations

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, SyncPosition
from tests.fakes.clock import START
from tests.fakes.directory import entry, group


def test_a_batch_says_nothing_but_what_it_was_given():
    batch = ChangeBatch()
    assert (batch.accounts, batch.gone, batch.position) == ((), frozenset(), None)
    assert (batch.is_whole, batch.is_last) == (False, True)


def test_entries_are_values_that_sets_can_hold():
    alice = entry("alice", 1101, groups=frozenset({group("Sales")}))
    again = entry("alice", 1101, groups=frozenset({group("Sales")}))
    assert len({alice, again, entry("alice", 1102)}) == 2
    assert {SyncPosition("dc1", 7), SyncPosition("dc1", 7)} == {SyncPosition("dc1", 7)}


def test_an_account_is_there_and_may_sign_in_unless_something_else_is_said():
    facts = entry("alice", 1101).facts
    assert isinstance(entry("alice", 1101), DirectoryAccount)
    assert (facts.is_present, facts.is_enabled, facts.is_delegable) == (True, True, True)
    assert (facts.locked_until, facts.expires_at, facts.password_expires_at) == (None, None, None)
    assert facts.read_at == START
