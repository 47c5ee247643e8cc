import pytest

from handfast.identity.ports import Unavailable
from handfast.kerberos.replays import WINDOW_SECONDS, ReplayMemory


def test_the_first_time_and_no_other():
    memory = ReplayMemory()
    assert memory.is_first(b"a", 0)
    assert memory.is_first(b"b", 1)
    assert not memory.is_first(b"a", 2)
    assert not memory.is_first(b"a", WINDOW_SECONDS - 0.1)


def test_what_is_too_old_to_be_taken_anyway_is_forgotten():
    memory = ReplayMemory(max_tokens=2)
    memory.is_first(b"a", 0)
    memory.is_first(b"b", 1)
    assert memory.is_first(b"c", WINDOW_SECONDS)
    assert not memory.is_first(b"b", WINDOW_SECONDS)


def test_a_full_memory_takes_nothing_new_and_forgets_nothing():
    memory = ReplayMemory(max_tokens=2)
    memory.is_first(b"a", 0)
    memory.is_first(b"b", 0)
    with pytest.raises(Unavailable):
        memory.is_first(b"c", 1)
    assert not memory.is_first(b"a", 1)
