from handfast.identity.circuit_breaker import CircuitBreaker

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 30.0


def new_breaker() -> CircuitBreaker:
    return CircuitBreaker(failures=3, first_pause=FIRST_PAUSE_SECONDS, longest_pause=LONGEST_PAUSE_SECONDS)


def opened(at: float = 0.0) -> CircuitBreaker:
    breaker = new_breaker()
    assert [breaker.failed(at, "silent") for _ in range(3)] == [False, False, True]
    return breaker


def test_two_failures_are_no_reason():
    breaker = new_breaker()
    assert not breaker.failed(0, "silent")
    assert not breaker.failed(0, "silent")
    assert not breaker.is_open
    assert not breaker.succeeded()
    assert not breaker.failed(0, "silent"), "they count in a row"
    assert breaker.admits(0)


def test_once_open_one_is_admitted_after_each_pause():
    breaker = opened()
    assert breaker.is_open
    assert not breaker.admits(FIRST_PAUSE_SECONDS - 0.1)
    assert breaker.admits(FIRST_PAUSE_SECONDS)
    assert not breaker.admits(FIRST_PAUSE_SECONDS + 0.1)
    assert breaker.admits(2 * FIRST_PAUSE_SECONDS), "the one before it may never have come back"


def test_an_answer_closes_it():
    breaker = opened()
    assert breaker.last_failure == "silent"
    assert breaker.succeeded()
    assert (breaker.is_open, breaker.last_failure) == (False, "")
    assert breaker.admits(0)
    assert not breaker.succeeded()


def test_pauses_double_up_to_the_longest():
    breaker, now, pause = opened(), 0.0, FIRST_PAUSE_SECONDS
    for _ in range(8):
        now += pause
        assert breaker.admits(now)
        assert not breaker.failed(now, "silent"), "it was open already"
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        assert not breaker.admits(now + pause - 0.1)
    assert pause == LONGEST_PAUSE_SECONDS


def test_failures_of_calls_from_before_do_not_lengthen_the_pause():
    breaker = opened()
    for _ in range(20):
        assert not breaker.failed(1.0, "silent")
    assert breaker.admits(FIRST_PAUSE_SECONDS)
