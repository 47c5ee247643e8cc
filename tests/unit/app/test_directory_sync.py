from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from handfast.app import directory_sync
from handfast.app.current_directory import CurrentDirectory
from handfast.app.directory_seat import ReaderSeat
from handfast.app.directory_sync import DirectorySync, build_mirror_policy, scope_of
from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import ChangeBatch, SyncPosition
from handfast.identity.ports import Unavailable
from handfast.identity.records import RevocationScope
from handfast.observability import metrics
from handfast.settings.model import Settings
from handfast.settings.publication import PublicationSettings
from tests.fakes.clock import SettableClock
from tests.fakes.directory import FakeDirectory
from tests.fakes.records import InMemoryRecords


def settings_of(**directory) -> Settings:
    return Settings.model_validate(
        {
            "identity": {"key_file": Path("/etc/handfast.key")},
            "directory": {"server": [{"name": "dc1.contoso.lab"}], "poll_seconds": 1, **directory},
            "access": [{"name": "sales", "publications": ["mail"], "groups": ["CONTOSO\\Sales"]}],
            "role": [{"name": "helpdesk", "groups": ["S-1-5-21-1-2-3-9"]}],
        }
    )


REAL_SLEEP = asyncio.sleep


class Site:
    """The loop over a domain and records in memory; `turn` is one pass of it."""

    def __init__(self, **directory) -> None:
        self.records = InMemoryRecords()
        self.domain = FakeDirectory()
        self.clock = SettableClock()
        self.opened: list[FakeDirectory] = []
        settings = settings_of(**directory)
        self.current = CurrentDirectory(settings.directory, self._open)
        self.sync = DirectorySync(
            settings, self.records, self.clock, self.current, monotonic=self.clock.monotonic
        )

    def _open(self, _settings):
        self.opened.append(self.domain)
        return self.domain

    def another(self) -> ReaderSeat:
        """The seat of another identity on the same records."""
        return ReaderSeat(self.records, self.clock, "another", self.clock.monotonic)

    async def turn(self) -> float:
        return await self.sync._turn()

    @property
    def names(self):
        return sorted(one.user for one in self.records.tables.accounts.values() if not one.is_gone)


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def log(monkeypatch):
    """Every line: (level, event, fields)."""
    lines: list[tuple[str, str, dict]] = []

    class Log:
        def __getattr__(self, level):
            return lambda event, **fields: lines.append((level, event, fields))

    monkeypatch.setattr(directory_sync, "_LOG", Log())
    return lines


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await REAL_SLEEP(0.005)


def test_the_settings_say_what_is_watched_and_what_is_mirrored():
    settings = settings_of(
        refuse_expired_passwords=False, max_missing_percent=5, base="OU=x", account_filter="(mail=*)"
    )
    assert build_mirror_policy(settings) == MirrorPolicy(
        frozenset({"CONTOSO\\SALES", "S-1-5-21-1-2-3-9"}),
        refuses_expired_passwords=False,
        max_missing_percent=5,
    )
    taking = [PublicationSettings.model_construct(domain_password_listeners=("inside",))]
    assert build_mirror_policy(settings.model_copy(update={"publications": taking})).takes_domain_passwords
    assert scope_of(settings.directory) == "OU=x|(mail=*)"


async def test_a_turn_stores_what_changed_and_says_how_much(site, log):
    site.domain.add("alice")
    assert await site.turn() == 1.0
    assert site.names == ["alice"]
    assert log == [("info", "directory-mirrored", {"accounts_read": 1, "mirrored": 1})]
    assert metrics.DIRECTORY_READ.labels("directory")._value.get() == site.clock.now().timestamp()
    log.clear()
    await site.turn()
    assert log == [], "nothing changed"


async def test_while_no_controller_answers_it_waits_longer_and_tells_the_mirrors_age(site, log):
    await site.turn()
    site.domain.is_down = True
    site.clock.advance(minutes=10)
    assert [await site.turn() for _ in range(4)] == [1.0, 2.0, 4.0, 8.0]
    level, event, fields = log[0]
    assert (level, event, fields["mirror_age_seconds"]) == ("warning", "directory-unavailable", 600.0)
    assert fields["believed_for_seconds"] == 3600
    for _ in range(8):
        pause = await site.turn()
    assert pause == 30.0
    site.domain.is_down = False
    log.clear()
    assert await site.turn() == 1.0
    assert [event for _, event, _ in log] == ["directory-read-again"]


async def test_what_another_identity_has_taken_over_is_left_to_it(site, log):
    site.domain.add("alice")
    seat = site.another()
    changes = site.domain.changes

    async def slow(positions):
        async for batch in changes(positions):
            await seat.take(1)
            site.clock.advance(minutes=1)
            await seat.take(1)
            yield batch

    site.domain.changes = slow
    assert await site.turn() == 1.0
    assert [event for _, event, _ in log] == ["directory-readership-lost"]
    assert site.names == []
    log.clear()
    metrics.DIRECTORY_READ.labels("directory").set(0)
    await site.records.write(
        lambda r: r.positions.save(SyncPosition("dc2", 1), scope="|", read_at=site.clock.now())
    )
    assert [await site.turn() for _ in range(2)] == [1.0, 1.0]
    assert metrics.DIRECTORY_READ.labels("directory")._value.get() == site.clock.now().timestamp()
    assert log == [], "one line when it begins to wait, and that is the other module's"
    assert site.names == []


async def test_what_a_person_must_settle_is_told_by_who_reads(site, log):
    for user in ("alice", "bob"):
        site.domain.add(user, upn="boss@contoso.lab")
    await site.turn()
    gauge = metrics.DIRECTORY_UNSETTLED.labels("contested")._value
    told = [fields for _, event, fields in log if event == "directory-contested"]
    assert [one["accounts"] for one in told] == [
        [f"CONTOSO\\{user} (boss@contoso.lab)" for user in ("alice", "bob")]
    ]
    assert gauge.get() == 2
    another = site.another()
    await another.take(1)
    site.clock.advance(minutes=1)
    await another.take(1)
    await site.turn()
    assert gauge.get() == 0


async def test_who_stops_lets_another_one_read_at_once(site):
    site.sync.start()
    await until(lambda: site.records.tables.positions)
    await site.sync.stop()
    assert await site.another().take(1) is not None


@pytest.mark.parametrize("locked", [True, False])
async def test_it_survives_a_database_that_does_not_answer_and_mistakes_of_ours(
    site, log, monkeypatch, locked
):
    if locked:
        site.records.unavailable = True
    else:
        monkeypatch.setattr(site.domain, "changes", lambda _positions: 1 / 0)
    await site.turn()
    assert log[0][1] == ("directory-unavailable" if locked else "directory-reading-failed")
    site.records.unavailable = False
    monkeypatch.undo()
    site.domain.add("alice")
    await site.turn()
    assert site.names == ["alice"]


async def test_a_listing_that_lacks_many_raises_an_alarm_and_keeps_nothing_else_waiting(site, log):
    people = [site.domain.add(f"user{n}") for n in range(30)]
    await site.turn()
    read_at = site.records.tables.positions["dc1"]
    kept = site.domain.add("kept")
    for one in people:
        site.domain.delete(one)
    site.clock.advance(minutes=1)
    await site.turn()
    before = metrics.ALARMS.labels("directory-shrunk")._value.get()
    await site.turn()
    site.domain.change(kept, is_enabled=False)
    log.clear()
    await site.turn()
    assert not next(
        one for one in site.records.tables.accounts.values() if one.user == "kept"
    ).directory.is_enabled
    asked = [one.get("dc1") for one in site.domain.asked_since]
    assert asked == [None, 30, 61, 61], (
        "what is new: everything would cost the controller much, and say the same"
    )
    assert [event for _, event, _ in log] == ["directory-mirrored"]
    assert metrics.ALARMS.labels("directory-shrunk")._value.get() == before, "told a moment ago"
    assert (len(site.names), site.records.tables.positions["dc1"]) == (31, read_at), "and the mirror ages"
    site.clock.advance(seconds=directory_sync.SHRUNK_PAUSE_SECONDS)
    await site.turn()
    assert metrics.ALARMS.labels("directory-shrunk")._value.get() == before + 1
    for one in people:
        site.domain.put(one)
    log.clear()
    await site.turn()
    assert (len(site.names), log) == (31, []), "they are back"
    assert site.records.tables.positions["dc1"] != read_at


async def test_where_the_directory_is_right_a_person_says_so(site, log):
    people = [site.domain.add(f"user{n}") for n in range(30)]
    await site.turn()
    for one in people:
        site.domain.delete(one)
    site.domain.invocation_id = "restored"
    before = metrics.ALARMS.labels("directory-shrunk")._value.get()
    assert await site.turn() == 1.0
    assert metrics.ALARMS.labels("directory-shrunk")._value.get() == before + 1
    level, event, fields = log[-1]
    assert (level, event, fields["missing"], fields["mirrored"]) == ("error", "directory-shrunk", 30, 30)
    assert "max_missing_percent" in fields["remedy"]
    assert len(site.names) == 30
    await site.sync.reload(settings_of(max_missing_percent=100))
    await site.turn()
    assert site.names == []


async def test_rights_that_were_taken_away_raise_an_alarm_and_another_reader_tells_of_them(site):
    people = [site.domain.add(f"user{n}") for n in range(30)]
    await site.turn()
    gauge = metrics.DIRECTORY_UNSETTLED.labels("unreadable")._value
    alarms = metrics.ALARMS.labels("directory-unreadable")._value
    before = alarms.get()
    hidden = frozenset(one.sid for one in people[:21])

    async def hiding(_positions):
        yield ChangeBatch(unreadable=hidden, position=SyncPosition("dc1", 31))

    site.domain.changes = hiding
    await site.turn()
    assert (site.sync.unreadable, gauge.get(), alarms.get() - before) == (hidden, 21, 1)
    another = site.another()
    await another.take(1)
    site.clock.advance(minutes=1)
    await another.take(1)
    await site.turn()
    assert (site.sync.unreadable, gauge.get()) == (frozenset(), 0)


async def test_they_do_where_others_are_missing_too_and_a_reload_begins_anew(site):
    people = [site.domain.add(f"user{n}") for n in range(60)]
    await site.turn()
    before = metrics.ALARMS.labels("directory-unreadable")._value.get()
    hidden, gone = (frozenset(one.sid for one in some) for some in (people[:21], people[21:42]))

    async def hiding(_positions):
        yield ChangeBatch(unreadable=hidden, gone=gone, position=SyncPosition("dc1", 61))

    site.domain.changes = hiding
    await site.turn()
    assert metrics.ALARMS.labels("directory-unreadable")._value.get() == before + 1
    await site.sync.reload(settings_of(poll_seconds=2))
    assert not site.sync.unreadable


async def test_what_ends_is_cut_on_time_and_once(site):
    site.domain.add("alice", expires_at=site.clock.now() + timedelta(seconds=5))
    await site.turn()
    for seconds, cut in ((4, 0), (1, 1), (0, 1), (9, 1)):
        site.clock.advance(seconds=seconds)
        await site.sync.end_accounts()
        assert [one.scope for one in site.records.tables.revocations] == [RevocationScope.ACCOUNT] * cut
    assert site.records.tables.audit[-1].event is AuditEvent.ACCOUNT_ENDED


async def test_what_hangs_is_cut_once_when_the_mirror_becomes_too_old_and_again_when_it_was_read_since(
    site, log
):
    def revoked():
        return [one.scope for one in site.records.tables.revocations]

    site.domain.add("alice")
    await site.turn()
    for minutes, cut in ((59, 0), (1, 0), (1, 1), (1, 1), (600, 1)):
        site.clock.advance(minutes=minutes)
        await site.sync.end_accounts()
        assert revoked() == [RevocationScope.EVERYTHING] * cut
    assert [event for level, event, _ in log if level == "error"] == ["directory-too-old"]
    await site.turn()
    await site.sync.end_accounts()
    assert len(revoked()) == 1
    site.clock.advance(minutes=61)
    await site.sync.end_accounts()
    assert len(revoked()) == 2


async def test_a_mirror_that_never_was_complete_has_nothing_to_cut(site):
    await site.sync.end_accounts()
    site.clock.advance(minutes=600)
    await site.sync.end_accounts()
    assert site.records.tables.revocations == []


async def test_a_clock_that_was_ahead_keeps_nothing_open_once_it_is_right(site):
    await site.turn()
    site.clock.advance(hours=24)
    await site.sync.end_accounts()
    site.clock.advance(hours=-24)
    await site.sync.end_accounts()
    cut = len(site.records.tables.revocations)
    site.domain.add("alice", expires_at=site.clock.now() + timedelta(seconds=30))
    await site.turn()
    site.clock.advance(minutes=1)
    await site.sync.end_accounts()
    assert site.records.tables.audit[-1].event is AuditEvent.ACCOUNT_ENDED
    site.clock.advance(minutes=60)
    await site.sync.end_accounts()
    assert [one.scope for one in site.records.tables.revocations[cut:]] == [
        RevocationScope.ACCOUNT,
        RevocationScope.EVERYTHING,
    ]


@pytest.mark.parametrize("was_read", [True, False])
async def test_what_ended_while_nobody_looked_is_cut_at_the_start(site, was_read):
    site.domain.add("alice", expires_at=site.clock.now() + timedelta(seconds=5))
    await site.turn()
    site.clock.advance(seconds=60)
    if not was_read:
        site.records.tables.positions = {}
    await site.sync.end_accounts()
    assert len(site.records.tables.revocations) == 1


async def test_what_ends_is_cut_while_no_controller_answers_and_after_troubles_of_ours(site, log):
    site.domain.add("alice", expires_at=site.clock.now() + timedelta(seconds=5))
    await site.turn()
    site.domain.is_down = True
    site.sync.start()
    await until(lambda: any(event == "directory-unavailable" for _, event, _ in log))
    site.clock.advance(seconds=6)
    await until(lambda: site.records.tables.revocations)
    await site.sync.stop()


@pytest.mark.parametrize("trouble", ["ended-accounts-postponed", "ended-accounts-failed"])
async def test_the_loop_that_ends_accounts_survives(site, log, monkeypatch, trouble):
    error = Unavailable("locked") if trouble.endswith("postponed") else ValueError("ours")
    asked = []

    async def failing():
        asked.append(1)
        raise error

    monkeypatch.setattr(site.sync, "end_accounts", failing)
    monkeypatch.setattr(directory_sync.asyncio, "sleep", lambda _seconds: REAL_SLEEP(0))
    site.sync.start()
    await until(lambda: len(asked) > 2)
    await site.sync.stop()
    assert any(event == trouble for _, event, _ in log)


async def test_accounts_that_need_a_person_are_told_of_once(site, log):
    site.domain.add("alice")
    site.domain.add("bad/name")
    now = site.clock.now()
    await site.records.write(
        lambda r: r.accounts.add(user="alice", domain="CONTOSO", upn="", display_name="", now=now)
    )
    for _ in range(3):
        await site.turn()
    told = {event: fields for level, event, fields in log if level == "warning"}
    assert told["directory-conflicts"]["accounts"] == ["CONTOSO\\alice (alice@contoso.lab)"]
    assert told["directory-unfit"]["count"] == 1
    assert len([line for line in log if line[0] == "warning"]) == 2
    assert metrics.DIRECTORY_UNSETTLED.labels("conflicts")._value.get() == 1


async def test_it_runs_by_itself_reads_at_once_after_a_reload_and_stops(site):
    site.domain.add("alice")
    site.sync.start()
    await until(lambda: site.names == ["alice"])
    other = FakeDirectory()
    other.add("bob")
    other.invocation_id, before = "dc2", site.domain
    site.domain = other
    await site.sync.reload(settings_of(poll_seconds=300))
    await until(lambda: site.names == ["bob"])
    assert before.closed == 1
    await site.sync.reload(settings_of(poll_seconds=300))
    assert other.closed == 0, "nothing changed"
    await site.sync.stop()
    assert other.closed == 1


async def test_settings_that_name_no_servers_end_the_reading_but_not_the_loop(site):
    site.domain.add("alice")
    await site.turn()
    await site.sync.reload(settings_of(server=[]))
    site.domain.add("bob")
    assert await site.turn() == 1.0
    assert site.names == ["alice"]
    with pytest.raises(Unavailable):
        await site.current.find("alice")


async def test_it_stops_before_it_began(site):
    await site.sync.stop()
    assert site.domain.closed == 1
