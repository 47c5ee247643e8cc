from __future__ import annotations

import asyncio

import pytest

from handfast.app import subject_watch
from handfast.app.subject_watch import AGAIN_SECONDS, SOON_SECONDS, UNANSWERED_SECONDS, SubjectWatch
from handfast.decision.named_subjects import NamedSubject
from handfast.decision.policy_desk import InstallationPolicy, PolicyDesk
from handfast.identity.directory.entries import SyncPosition
from handfast.identity.subjects import rule_key
from tests.fakes.clock import SettableClock
from tests.fakes.directory import FakeDirectory, group
from tests.fakes.records import InMemoryRecords

LEAVERS, STAFF = "CONTOSO\\Leavers", "CONTOSO\\Staff"
NAMED = (
    NamedSubject(LEAVERS, rule_key(LEAVERS), ("[[access]] no",), ("[[access]] no",)),
    NamedSubject(STAFF, rule_key(STAFF), ("[[access]] staff",)),
)


class Site:
    def __init__(self) -> None:
        self.records, self.clock, self.domain = InMemoryRecords(), SettableClock(), FakeDirectory()
        policy = InstallationPolicy({}, (), has_directory=True, named_subjects=NAMED)
        self.policies = PolicyDesk(self.records, self.clock, policy, self.domain)
        self.watch = SubjectWatch(self.policies, self.records)

    async def read(self) -> None:
        """As after the first reading of the directory."""
        position, now = SyncPosition("i", 7), self.clock.now()
        await self.records.write(lambda r: r.positions.save(position, scope="", read_at=now))


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def log(monkeypatch):
    """Every line: (level, group, why)."""
    lines: list[tuple[str, str, str]] = []

    class Log:
        def __getattr__(self, level):
            def add(event, name="", why="", remedy="x", error=""):
                assert remedy
                lines.append((level, name or event, why or error))

            return add

    monkeypatch.setattr(subject_watch, "_LOG", Log())
    return lines


async def test_nothing_is_said_before_the_directory_was_read(site, log):
    assert await site.watch.look() == SOON_SECONDS
    assert log == []


async def test_without_a_directory_nothing_has_to_be_read(site, log):
    site.policies.replace(InstallationPolicy({}, (), named_subjects=NAMED))
    await site.watch.look()
    assert [(level, name) for level, name, _ in log] == [("warning", LEAVERS), ("warning", STAFF)]


async def test_what_is_amiss_is_said_once_and_anew_after_a_reload(site, log):
    await site.read()
    assert await site.watch.look() == AGAIN_SECONDS
    assert [(level, name) for level, name, _ in log] == [("error", LEAVERS), ("warning", STAFF)]
    assert "holds nobody back" in log[0][2]
    assert "lets nobody in" in log[1][2]
    await site.watch.look()
    assert len(log) == 2
    site.watch.look_anew()
    await site.watch.look()
    assert len(log) == 4


async def test_a_group_that_goes_while_we_run_is_told_of(site, log):
    await site.read()
    site.domain.groups = {group("Leavers"), group("Staff")}
    await site.watch.look()
    assert [(level, name) for level, name, _ in log] == [("warning", STAFF)], "nobody is in it"
    site.domain.groups.remove(group("Leavers"))
    await site.watch.look()
    assert [(level, name) for level, name, _ in log[1:]] == [("error", LEAVERS)]


async def test_while_nobody_can_be_asked_it_is_a_warning_and_asked_again_before_long(site, log):
    await site.read()
    site.domain.is_down = True
    assert await site.watch.look() == UNANSWERED_SECONDS
    assert [(level, name) for level, name, _ in log] == [("warning", LEAVERS), ("warning", STAFF)]


async def test_it_looks_by_itself_at_once_after_a_reload_and_lives_through_failures(site, log, monkeypatch):
    fail = True
    looked = asyncio.Event()
    look = site.watch.look

    async def look_or_fail() -> float:
        if fail:
            looked.set()
            raise RuntimeError("a mistake of ours")
        return await look()

    monkeypatch.setattr(site.watch, "look", look_or_fail)
    await site.read()
    site.watch.start()
    async with asyncio.timeout(20):
        await looked.wait()
        while not log:
            await asyncio.sleep(0)
        assert log == [("warning", "access-names-not-looked-at", "RuntimeError('a mistake of ours')")]
        fail = False
        site.watch.look_anew()
        while len(log) < 3:
            await asyncio.sleep(0)
    await site.watch.stop()


async def test_a_reload_in_the_midst_of_a_look_is_looked_at_too(site, log):
    await site.read()
    find_subjects, looks = site.policies.find_subjects, 0

    async def reload_meanwhile():
        nonlocal looks
        looks += 1
        if looks == 1:
            site.watch.look_anew()
        return await find_subjects()

    site.policies.find_subjects = reload_meanwhile
    site.watch.start()
    async with asyncio.timeout(20):
        while len(log) < 4:
            await asyncio.sleep(0)
    await site.watch.stop()
    assert looks == 2


async def test_one_that_was_never_started_can_be_stopped(site):
    await site.watch.stop()
