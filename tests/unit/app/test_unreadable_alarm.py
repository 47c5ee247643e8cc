from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from handfast.app.unreadable_alarm import PAUSE_SECONDS, UnreadableAlarm
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.mirroring import mirror_accounts
from handfast.observability import metrics
from tests.fakes.clock import START, SettableClock
from tests.fakes.directory import entry
from tests.fakes.records import InMemoryRecords


class Site:
    """Sixty mirrored accounts, and the alarm over them."""

    def __init__(self) -> None:
        self.records, self.clock = InMemoryRecords(), SettableClock()
        self.people = [entry(f"user{n}", 1100 + n) for n in range(60)]
        self.alarm = UnreadableAlarm(self.records, self.clock.monotonic)

    async def tell(self, count: int, max_percent: float = 20.0) -> list[dict]:
        """The log lines where so many can't be judged."""
        self.alarm.accounts.clear()
        self.alarm.accounts.update(one.sid for one in self.people[:count])
        with capture_logs() as lines:
            await self.alarm.tell(max_percent)
        return lines


@pytest.fixture
async def site():
    site = Site()
    await site.records.write(lambda r: mirror_accounts(r, site.people, MirrorPolicy(), START))
    return site


async def test_many_are_an_alarm_now_and_then(site):
    counter = metrics.ALARMS.labels("directory-unreadable")._value
    before = counter.get()
    (line,) = await site.tell(21)
    assert (line["event"], line["log_level"], line["unreadable"], line["mirrored"]) == (
        "directory-unreadable",
        "error",
        21,
        60,
    )
    assert "bind user" in line["remedy"]
    assert await site.tell(60) == [], "told a moment ago"
    site.clock.advance(seconds=PAUSE_SECONDS)
    assert len(await site.tell(60)) == 1
    assert counter.get() == before + 2


@pytest.mark.parametrize(("count", "max_percent"), [(20, 0.0), (21, 35.0), (60, 100.0)])
async def test_few_are_none(site, count, max_percent):
    assert await site.tell(count, max_percent) == []
    assert metrics.DIRECTORY_UNSETTLED.labels("unreadable")._value.get() == count


async def test_what_is_forgotten_is_told_of_no_more_and_then_at_once(site):
    await site.tell(21)
    site.alarm.forget()
    assert (site.alarm.accounts, metrics.DIRECTORY_UNSETTLED.labels("unreadable")._value.get()) == (set(), 0)
    assert len(await site.tell(21)) == 1
