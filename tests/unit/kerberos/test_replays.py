import pytest

from handfast.identity.directory.ports import TicketFailure, TicketRefused
from handfast.identity.ports import Unavailable
from handfast.kerberos.replays import MAX_PER_INITIATOR, MAX_TOKENS, WINDOW_SECONDS, ReplayMemory

ALICE, BOB = "S-1-5-21-1-2-3-1101", "S-1-5-21-1-2-3-1102"


def test_the_first_time_and_no_other():
    memory = ReplayMemory()
    assert memory.is_first(b"a", ALICE, 0)
    assert memory.is_first(b"b", ALICE, 1)
    assert not memory.is_first(b"a", ALICE, 2)
    assert not memory.is_first(b"a", ALICE, WINDOW_SECONDS - 0.1)


def test_what_is_too_old_to_be_taken_anyway_is_forgotten():
    memory = ReplayMemory(max_tokens=2)
    memory.is_first(b"a", ALICE, 0)
    memory.is_first(b"b", ALICE, 1)
    assert memory.is_first(b"c", ALICE, WINDOW_SECONDS)
    assert not memory.is_first(b"b", ALICE, WINDOW_SECONDS)


def test_a_full_memory_takes_nothing_new_and_forgets_nothing():
    memory = ReplayMemory(max_tokens=2)
    memory.is_first(b"a", ALICE, 0)
    memory.is_first(b"b", ALICE, 0)
    with pytest.raises(Unavailable):
        memory.is_first(b"c", ALICE, 1)
    assert not memory.is_first(b"a", ALICE, 1)


def test_who_has_shown_too_many_is_refused_and_others_go_on():
    memory = ReplayMemory(max_tokens=3, max_per_initiator=2)
    assert memory.is_first(b"a", ALICE, 0)
    assert memory.is_first(b"b", ALICE, 1)
    with pytest.raises(TicketRefused, match=f"{ALICE} has shown too many") as refused:
        memory.is_first(b"c", ALICE, 2)
    assert refused.value.failure is TicketFailure.REFUSED
    assert not memory.is_first(b"a", ALICE, 2), "a replay is still told from a new token"
    assert memory.is_first(b"d", BOB, 2)
    assert memory.is_first(b"c", ALICE, WINDOW_SECONDS), "once the first has ended there is room"
    with pytest.raises(TicketRefused):
        memory.is_first(b"e", ALICE, WINDOW_SECONDS)


def test_nobody_is_remembered_longer_than_their_tokens():
    memory = ReplayMemory(max_per_initiator=1)
    for number in range(3):
        assert memory.is_first(b"%d" % number, ALICE, number * WINDOW_SECONDS)
        assert memory.is_first(b"b%d" % number, f"S-1-{number}", number * WINDOW_SECONDS)
    assert len(memory._initiators) == 2


def test_one_alone_fills_a_small_part():
    assert MAX_PER_INITIATOR * 100 <= MAX_TOKENS
