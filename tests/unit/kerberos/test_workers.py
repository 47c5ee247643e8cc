import threading
from concurrent.futures import CancelledError, wait

import pytest

from handfast.identity.ports import Unavailable
from handfast.kerberos.workers import Workers


class Gate:
    """Jobs that wait until they are let go."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, _state: object) -> int:
        self.begun.release()
        assert self.open.wait(10)
        return threading.get_ident()


def test_results_and_errors_are_the_callers():
    workers = Workers("test", 1, 4, lambda: "state")
    assert workers.submit(lambda state: state * 2).result(10) == "statestate"
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda _: 1 // 0).result(10)
    assert workers.submit(lambda state: state).result(10) == "state", "the thread goes on"
    workers.close()


async def test_an_answer_is_waited_for_so_long_and_no_longer():
    workers, gate = Workers("test", 1, 4, lambda: "state"), Gate()
    assert await workers.answer(lambda state: state, 10) == "state"
    with pytest.raises(ZeroDivisionError):
        await workers.answer(lambda _: 1 // 0, 10)
    with pytest.raises(Unavailable, match="test threads"):
        await workers.answer(gate, 0.01)
    gate.open.set()
    workers.close()


def test_each_thread_has_a_state_of_its_own_and_there_are_no_more_than_wanted():
    states: list[object] = []

    def new_state() -> object:
        states.append(object())
        return states[-1]

    workers, gate = Workers("test", 3, 8, new_state), Gate()
    jobs = [workers.submit(gate) for _ in range(8)]
    for _ in range(3):
        assert gate.begun.acquire(timeout=10)
    assert not gate.begun.acquire(timeout=0.05)
    gate.open.set()
    assert len({job.result(10) for job in jobs}) <= 3
    assert len(states) == 3
    workers.close()


def test_one_thread_is_enough_where_jobs_come_one_by_one():
    workers = Workers("test", 5, 8, lambda: None)
    threads = {workers.submit(lambda _: threading.get_ident()).result(10) for _ in range(2)}
    assert len(threads) <= 2
    workers.close()


def test_too_much_waits():
    workers, gate = Workers("test", 1, 1, lambda: None), Gate()
    jobs = [workers.submit(gate), workers.submit(gate)]
    with pytest.raises(Unavailable, match="test threads"):
        workers.submit(gate)
    gate.open.set()
    wait(jobs, 10)
    assert workers.submit(lambda _: 1).result(10) == 1
    workers.close()


def test_what_is_cancelled_before_its_turn_is_never_begun():
    workers, gate = Workers("test", 1, 2, lambda: None), Gate()
    first, second = workers.submit(gate), workers.submit(gate)
    assert gate.begun.acquire(timeout=10)
    assert not first.cancel()
    assert second.cancel()
    gate.open.set()
    first.result(10)
    with pytest.raises(CancelledError):
        second.result(10)
    assert workers.submit(lambda _: 1).result(10) == 1, "its place is free again"
    assert not gate.begun.acquire(blocking=False)
    workers.close()


def test_closed():
    before = threading.active_count()
    workers = Workers("test", 2, 2, lambda: None)
    workers.submit(lambda _: None).result(10)
    workers.close()
    with pytest.raises(Unavailable):
        workers.submit(lambda _: None)
    for thread in threading.enumerate():
        if thread.name.startswith("test-"):
            thread.join(10)
    assert threading.active_count() <= before


def test_a_thread_that_cannot_be_started_is_not_counted(monkeypatch):
    workers = Workers("test", 1, 0, lambda: None)

    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", fail)
        with pytest.raises(Unavailable, match="can't start new thread"):
            workers.submit(lambda _: 1)
    assert workers.submit(lambda _: 2).result(10) == 2
    workers.close()
