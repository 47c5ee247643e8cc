"""SQLite on bad days: locked, full, killed in the middle. What was acknowledged stays."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from handfast.identity.audit_verification import verify_trail
from handfast.identity.ports import Unavailable
from handfast.storage.opening import open_records
from handfast.storage.sqlite import create_file
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing


def add(user, text=""):
    return lambda r: r.accounts.add(user=user, domain="D", upn="", display_name=text, now=START)


async def test_only_the_owner_can_read_the_files(path, open_sqlite) -> None:
    path.chmod(0o644)
    records = open_records(f"sqlite:///{path}", FakeKeyRing(), chain="c")
    await records.start()
    await records.write(add("a"))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await records.close()
    assert modes == {"handfast.db": 0o600, "handfast.db-wal": 0o600, "handfast.db-shm": 0o600}


def test_a_file_that_can_not_be_made_is_unavailable(tmp_path) -> None:
    with pytest.raises(Unavailable):
        create_file(tmp_path / "missing" / "x.db")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        create_file(tmp_path / "link")


async def test_settings_of_the_connection(open_sqlite) -> None:
    records = await open_sqlite()

    def pragmas(r):
        run = r.accounts._t._connection.execute
        return [
            run(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert await records.write(pragmas) == ["wal", 2, 1]


async def test_locked_by_another_process_is_unavailable_until_it_lets_go(path, open_sqlite) -> None:
    records = await open_sqlite(busy_seconds=0.1)
    await records.write(add("before"))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await records.write(add("during"))
    assert len(await records.read(lambda r: r.accounts.list())) == 1
    blocker.execute("ROLLBACK")
    blocker.close()
    await records.write(add("after"))
    assert [a.user for a in await records.read(lambda r: r.accounts.list())] == ["before", "after"]


async def test_a_full_disk_is_unavailable_and_loses_nothing(path, open_sqlite) -> None:
    with sqlite3.connect(path) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    records = await open_sqlite(max_pages=pages + 8)
    stored = []
    with pytest.raises(Unavailable, match="full"):
        for number in range(100):
            await records.write(add(f"u{number}", "x" * 3000))
            stored.append(f"u{number}")
    assert stored
    assert [a.user for a in await records.read(lambda r: r.accounts.list())] == stored
    await records.write(lambda r: r.accounts.remove(1))
    await records.write(add("again"))
    assert await records.read(lambda r: r.accounts.find_by_domain_user("D", "again"))


async def test_a_full_disk_caught_by_the_work_still_commits_nothing(path, open_sqlite) -> None:
    with sqlite3.connect(path) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    records = await open_sqlite(max_pages=pages + 4)

    def stubborn(r):
        for number in range(100):
            try:
                add(f"u{number}", "x" * 3000)(r)
            except Unavailable:
                return "pretends"
        return "never"

    with pytest.raises(Unavailable):
        await records.write(stubborn)
    assert await records.read(lambda r: r.accounts.list()) == []


WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from handfast.identity.audit import AuditEvent
from handfast.storage.opening import open_records
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing

async def one(records, number):
    def work(r):
        r.audit.append(AuditEvent.ACCOUNT_ADDED, now=START, actor="t", subject=str(number))
        r.accounts.add(user=f"u{number}", domain="D", upn="", display_name="", now=START)
    await records.write(work)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()

async def main():
    records = open_records(sys.argv[1], FakeKeyRing(), chain="identity-1")
    await records.start()
    for start in range(0, 1_000_000, 8):
        await asyncio.gather(*(one(records, n) for n in range(start, start + 8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [3, 60, 301])
async def test_kill_9_loses_no_acknowledged_write(path, acknowledged) -> None:
    root = str(Path(__file__).resolve().parents[3])
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, f"sqlite:///{path}", root], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(acknowledged)]
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout.readlines()
    keyring = FakeKeyRing()
    records = open_records(f"sqlite:///{path}", keyring, chain="identity-1")
    await records.start()
    users = {account.user for account in await records.read(lambda r: r.accounts.list())}
    subjects = {entry.subject for entry in await records.read(lambda r: r.audit.entries(limit=10**6))}
    assert await records.read(lambda r: verify_trail(r.audit, keyring)) == []
    await records.close()
    numbers = {line.strip() for line in told if line.endswith("\n")}
    assert len(numbers) >= acknowledged
    assert {f"u{n}" for n in numbers} <= users
    assert users == {f"u{n}" for n in subjects}, (
        "a change and its audit entry are stored together or not at all"
    )
