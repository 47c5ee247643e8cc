"""Threads for each realm: ours has most, each other one a share, and however many realms there are the threads are bounded."""

from __future__ import annotations

import threading

import pytest

from handfast.kerberos.lanes import MAX_OTHER_REALMS, Lanes


@pytest.fixture
def lanes():
    lanes = Lanes("Contoso.Lab", 8, lambda: None)
    yield lanes
    lanes.close()


def busy_threads(lane, at_least: int, jobs: int = 20) -> int:
    """How many threads of the lane work at once when there is more to do."""
    goes_on, began = threading.Event(), threading.Semaphore(0)

    def work(_):
        began.release()
        assert goes_on.wait(30)

    done = [lane.workers.submit(work) for _ in range(jobs)]
    for _ in range(at_least):
        assert began.acquire(timeout=10)
    count = at_least
    while began.acquire(timeout=0.2):
        count += 1
    goes_on.set()
    for one in done:
        one.result(10)
    return count


def test_our_own_realm_has_all_threads_and_another_one_a_share(lanes):
    own, other = lanes.of("CONTOSO.LAB"), lanes.of("FABRIKAM.LAB")
    assert (own.is_own, other.is_own) == (True, False)
    assert (busy_threads(own, 8), busy_threads(other, 2)) == (8, 2)
    assert lanes.of("FABRIKAM.LAB") is other
    assert lanes.of("FABRIKAM.LAB").breaker is not own.breaker


def test_many_realms_share_what_is_left():
    lanes = Lanes("CONTOSO.LAB", 1, lambda: None)
    found = [lanes.of(f"R{number}.LAB") for number in range(MAX_OTHER_REALMS + 5)]
    assert len({id(lane) for lane in found}) == MAX_OTHER_REALMS + 1
    assert found[-1] is found[-2]
    assert lanes.of("R0.LAB") is found[0]
    assert busy_threads(found[0], 1) == 1
    lanes.close()


def test_silence_is_what_is_heard_of_nobody(lanes):
    own = lanes.of("CONTOSO.LAB")
    assert own.note_silence(1.0, 4.0, "deadline"), "of a KDC that was never heard"
    own.note_answer(5.0)
    assert not own.note_silence(4.5, 7.5, "deadline"), "it answered others meanwhile"
    assert own.note_silence(5.0, 8.0, "deadline")
    assert own.note_silence(6.0, 9.0, "deadline")
    assert not own.breaker.is_open
    assert own.note_silence(6.5, 9.5, "deadline")
    assert own.breaker.is_open
    own.note_answer(10.0)
    assert not own.breaker.is_open
