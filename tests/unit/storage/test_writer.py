"""The writer on its bad days: full queue, deadlines, conflicts to run again, faults of the commit."""

from __future__ import annotations

import asyncio
import threading

import pytest

from handfast.identity.ports import Unavailable
from handfast.storage import writer
from handfast.storage.opening import SqlRecords
from handfast.storage.sqlite import SqliteDriver
from handfast.storage.statements import MustRetry
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing


def add(user):
    return lambda r: r.accounts.add(user=user, domain="D", upn="", display_name="", now=START)


async def users(records) -> list[str]:
    return [account.user for account in await records.read(lambda r: r.accounts.list())]


async def test_a_full_queue_is_unavailable_at_once(open_sqlite, monkeypatch) -> None:
    monkeypatch.setattr(writer, "MAX_QUEUED", 4)
    records = await open_sqlite()
    begun, gate = threading.Event(), threading.Event()
    first = asyncio.ensure_future(records.write(lambda r: (begun.set(), gate.wait(20))))
    assert await asyncio.to_thread(begun.wait, 20)
    waiting = [asyncio.ensure_future(records.write(add(f"u{n}"))) for n in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="wait for the database already"):
        await records.write(add("too many"))
    gate.set()
    await asyncio.gather(first, *waiting)
    assert await users(records) == ["u0", "u1", "u2", "u3"]


async def test_a_write_beyond_its_deadline_is_unavailable_and_never_begun(path) -> None:
    records = SqlRecords(SqliteDriver(path), FakeKeyRing(), chain="c", deadline_seconds=0.5)
    await records.start()
    begun, gate = threading.Event(), threading.Event()
    first = asyncio.ensure_future(records.write(lambda r: (begun.set(), gate.wait(20))))
    assert await asyncio.to_thread(begun.wait, 20)
    with pytest.raises(Unavailable, match="took longer"):
        await records.write(add("late"))
    with pytest.raises(Unavailable):
        await first
    gate.set()
    await records.write(add("after"))
    assert await users(records) == ["after"]
    await records.close()


async def test_work_that_lost_a_conflict_runs_again(open_sqlite) -> None:
    records = await open_sqlite()
    runs = []

    def contended(r):
        runs.append(add("contended")(r))
        if len(runs) < 4:
            raise MustRetry("lost")

    await asyncio.gather(records.write(contended), records.write(add("other")))
    assert len(runs) == 4
    assert sorted(await users(records)) == ["contended", "other"]


async def test_conflicts_for_ever_are_unavailable(open_sqlite) -> None:
    records = await open_sqlite()

    def always(r):
        add("never")(r)
        raise MustRetry("lost")

    with pytest.raises(Unavailable, match="conflicts"):
        await records.write(always)
    assert await users(records) == []


async def test_a_commit_that_fails_acknowledges_nobody(open_sqlite, monkeypatch) -> None:
    records = await open_sqlite()
    await records.write(add("before"))
    session = records._writer._session
    run = session.run
    heard = []
    records.subscribe(heard.extend)

    def failing(command):
        if command == "COMMIT":
            raise Unavailable("disk I/O error")
        run(command)

    monkeypatch.setattr(session, "run", failing)
    results = await asyncio.gather(*(records.write(add(f"u{n}")) for n in range(5)), return_exceptions=True)
    assert {type(result) for result in results} == {Unavailable}
    monkeypatch.undo()
    await records.write(add("after"))
    assert await users(records) == ["before", "after"]
    assert heard == []


async def test_close_commits_what_is_queued(path) -> None:
    records = SqlRecords(SqliteDriver(path), FakeKeyRing(), chain="c")
    await records.start()
    writes = [asyncio.ensure_future(records.write(add(f"u{n}"))) for n in range(100)]
    await asyncio.sleep(0)
    await records.close()
    await asyncio.gather(*writes)
    again = SqlRecords(SqliteDriver(path), FakeKeyRing(), chain="c")
    await again.start()
    assert len(await users(again)) == 100
    await again.close()


async def test_a_database_without_schema_does_not_start(tmp_path) -> None:
    records = SqlRecords(SqliteDriver(tmp_path / "empty.db"), FakeKeyRing(), chain="c")
    with pytest.raises(Unavailable, match="never migrated"):
        await records.start()
