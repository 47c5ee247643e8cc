import pytest

from handfast.gateway.wheel import NEVER, TICK_SECONDS, TimerWheel


class Timer:
    def __init__(self, at, work):
        self.at, self.work, self.is_cancelled = at, work, False

    def cancel(self):
        self.is_cancelled = True


class Loop:
    """The part of an event loop that a wheel turns on; its time passes when it is told to."""

    def __init__(self):
        self._now, self._timers = 1000.1, []

    def time(self):
        return self._now

    def call_later(self, seconds, work):
        self._timers.append(Timer(self._now + seconds, work))
        return self._timers[-1]

    def let_pass(self, seconds, *, late=0.0):
        """Every timer that falls due comes, so many seconds late."""
        ends = self._now + seconds
        while due := [timer for timer in self._timers if timer.at + late <= ends]:
            first = min(due, key=lambda timer: timer.at)
            self._timers.remove(first)
            self._now = max(self._now, first.at + late)
            if not first.is_cancelled:
                first.work()
        self._now = max(self._now, ends)


class Item:
    def __init__(self):
        self.deadline, self.wheel_slot, self.fired = NEVER, 0, []

    def on_deadline(self, now):
        self.fired.append(now)


@pytest.mark.parametrize("late", [0.0, 0.1, 3.0])
def test_a_deadline_fires_once_and_not_before(late):
    loop, item = Loop(), Item()
    wheel = TimerWheel(loop)
    due = loop.time() + 0.3
    wheel.watch(item, due)
    loop.let_pass(0.299, late=late)
    assert item.fired == []
    loop.let_pass(20, late=late)
    assert len(item.fired) == 1
    assert due <= item.fired[0] <= due + 2 * (TICK_SECONDS + late)
    assert item.deadline == NEVER
    wheel.stop()


def test_the_last_deadline_counts_earlier_later_and_never():
    loop = Loop()
    wheel, earlier, later, never = TimerWheel(loop), Item(), Item(), Item()
    wheel.watch(earlier, loop.time() + 500)
    wheel.watch(earlier, loop.time() + 0.1)
    wheel.watch(later, loop.time() + 0.1)
    wheel.watch(later, loop.time() + 500)
    wheel.watch(never, loop.time() + 0.1)
    never.deadline = NEVER
    loop.let_pass(1)
    assert (len(earlier.fired), later.fired, never.fired) == (1, [], [])
    assert later.wheel_slot != 0
    assert never.wheel_slot == 0
    loop.let_pass(498)
    assert later.fired == []
    loop.let_pass(2)
    assert len(later.fired) == 1
    wheel.stop()


def test_a_wheel_that_is_stopped_turns_no_more():
    loop, item = Loop(), Item()
    wheel = TimerWheel(loop)
    wheel.watch(item, loop.time() + 0.3)
    wheel.stop()
    loop.let_pass(20)
    assert item.fired == []
