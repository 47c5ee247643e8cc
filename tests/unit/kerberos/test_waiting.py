from handfast.kerberos.mechanism import Initiation
from handfast.kerberos.waiting import SECONDS, WaitingContexts

FIRST, SECOND = Initiation("first", b"1", 0), Initiation("second", b"2", 0)


def test_a_handle_is_good_once():
    waiting = WaitingContexts()
    first, second = waiting.keep(FIRST, 0), waiting.keep(SECOND, 0)
    assert len(first) == 24
    assert first != second
    assert waiting.take(first, 1) is FIRST
    assert waiting.take(first, 1) is None
    assert waiting.take(second, 1) is SECOND
    assert waiting.take("", 1) is None


def test_contexts_end():
    waiting = WaitingContexts()
    first = waiting.keep(FIRST, 0)
    second = waiting.keep(SECOND, 1)
    assert waiting.take(first, SECONDS) is None
    assert len(waiting) == 1
    assert waiting.take(second, SECONDS) is SECOND


def test_the_oldest_makes_room():
    waiting = WaitingContexts(max_waiting=1)
    first, second = waiting.keep(FIRST, 0), waiting.keep(SECOND, 0)
    assert waiting.take(first, 0) is None
    assert waiting.take(second, 0) is SECOND
    waiting.keep(FIRST, 0)
    waiting.clear()
    assert len(waiting) == 0
