from __future__ import annotations

from handfast.directory.breaker import LONGEST_PAUSE_SECONDS, Breaker


def test_one_failure_opens_it_for_a_pause_and_one_try_ends_it():
    breaker = Breaker()
    assert breaker.admits(100.0)
    assert breaker.failed(100.0, "down")
    assert not breaker.failed(100.0, "down"), "it was open"
    breaker = Breaker()
    breaker.failed(100.0, "down")
    assert (breaker.is_open, breaker.last_failure) == (True, "down")
    assert not breaker.admits(100.5)
    assert breaker.admits(101.0), "one try"
    assert not breaker.admits(101.5), "and nobody beside it"
    assert breaker.succeeded()
    assert not breaker.succeeded()
    assert (breaker.is_open, breaker.last_failure) == (False, "")
    assert breaker.admits(101.5)


def test_pauses_double_to_their_longest():
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(8):
        breaker.failed(now, "down")
        pause = next(step for step in range(1, 100) if breaker.admits(now + step))
        pauses.append(pause)
        now += pause
    assert pauses == [1, 2, 4, 8, 16, 30, 30, LONGEST_PAUSE_SECONDS]


def test_calls_that_were_under_way_when_it_opened_fail_once_together():
    breaker = Breaker()
    for moment in range(60):
        breaker.failed(100.0 + moment / 100, "no answer")
    assert breaker.admits(101.0)
    breaker.failed(102.2, "the try too")
    breaker.failed(102.3, "who came with it")
    assert not breaker.admits(104.1)
    assert breaker.admits(104.2)
