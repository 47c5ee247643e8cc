from handfast.identity.records import AccountId
from handfast.kerberos.mechanism import Initiation
from handfast.kerberos.waiting import SECONDS, WaitingContexts

FIRST, SECOND = Initiation("first", b"1", 0), Initiation("second", b"2", 0)
ALICE, BOB = AccountId(1), AccountId(2)


def test_a_handle_is_good_once():
    waiting = WaitingContexts()
    first, second = waiting.keep(FIRST, ALICE, 0), waiting.keep(SECOND, ALICE, 0)
    assert len(first) == 24
    assert first != second
    assert waiting.take(first, 1) is FIRST
    assert waiting.take(first, 1) is None
    assert waiting.take(second, 1) is SECOND
    assert waiting.take("", 1) is None


def test_contexts_end():
    waiting = WaitingContexts()
    first = waiting.keep(FIRST, ALICE, 0)
    second = waiting.keep(SECOND, ALICE, 1)
    assert waiting.take(first, SECONDS) is None
    assert len(waiting) == 1
    assert waiting.take(second, SECONDS) is SECOND


def test_the_oldest_makes_room():
    waiting = WaitingContexts(max_waiting=1)
    first, second = waiting.keep(FIRST, ALICE, 0), waiting.keep(SECOND, ALICE, 0)
    assert waiting.take(first, 0) is None
    assert waiting.take(second, 0) is SECOND
    waiting.keep(FIRST, ALICE, 0)
    waiting.clear()
    assert len(waiting) == 0


def test_an_account_with_its_full_number_loses_its_own_oldest_and_nobody_elses():
    waiting = WaitingContexts(max_waiting=3, max_per_account=2)
    of_bob = waiting.keep(FIRST, BOB, 0)
    oldest, *others = [waiting.keep(SECOND, ALICE, 1) for _ in range(3)]
    assert waiting.take(oldest, 1) is None
    assert waiting.take(of_bob, 1) is FIRST
    assert [waiting.take(handle, 1) for handle in others] == [SECOND, SECOND]


def test_what_has_ended_or_was_taken_counts_no_longer():
    waiting = WaitingContexts(max_per_account=2)
    waiting.take(waiting.keep(FIRST, ALICE, 0), 0)
    waiting.keep(FIRST, ALICE, 0)
    kept = [waiting.keep(SECOND, ALICE, SECONDS) for _ in range(2)]
    assert [waiting.take(handle, SECONDS) for handle in kept] == [SECOND, SECOND]
