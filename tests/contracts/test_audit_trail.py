"""The contract of `AuditTrail`."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from handfast.identity.audit import AuditEvent, AuditNote
from handfast.identity.audit_verification import verify_trail
from tests.fakes.clock import START


def append(subject="anna", details=None, now=START):
    return lambda r: r.audit.append(
        AuditEvent.DEVICE_BLOCKED, now=now, actor="uid:0", subject=subject, details=details
    )


async def test_entries_chain(records, keyring) -> None:
    first = await records.write(append())
    second = await records.write(append("b\0\n\ud800", {"device": "D\x1b[0m", "b": "ü"}))
    assert (first.chain, first.sequence, second.sequence) == ("identity-1", 1, 2)
    assert second.previous_mac == first.mac
    assert list(await records.read(lambda r: r.audit.entries())) == [first, second]
    assert list(await records.read(lambda r: r.audit.entries(chain="identity-1", after=1))) == [second]
    assert list(await records.read(lambda r: r.audit.entries(limit=1))) == [first]
    assert not await records.read(lambda r: r.audit.entries(chain="other"))
    assert list(await records.read(lambda r: r.audit.chains())) == ["identity-1"]
    head = await records.read(lambda r: r.audit.head("identity-1"))
    assert head[:2] == (2, second.mac)
    assert await records.read(lambda r: r.audit.head("other")) is None
    assert await records.read(lambda r: verify_trail(r.audit, keyring)) == []


async def test_parallel_entries_form_one_chain(records, keyring) -> None:
    await asyncio.gather(*(records.write(append(str(n))) for n in range(100)))
    assert await records.read(lambda r: verify_trail(r.audit, keyring)) == []
    assert (await records.read(lambda r: r.audit.head("identity-1")))[0] == 100


async def test_many_notes_are_a_part_of_the_chain_as_if_each_had_been_appended(records, keyring) -> None:
    await records.write(append())
    notes = [AuditNote(AuditEvent.DEVICE_REMOVED, f"s{n}", {"n": str(n)}) for n in range(30)]
    await records.write(lambda r: r.audit.append_all(notes, now=START, actor="directory"))
    await records.write(lambda r: r.audit.append_all([], now=START, actor="directory"))
    last = await records.write(append())
    entries = await records.read(lambda r: r.audit.entries())
    assert [one.sequence for one in entries] == list(range(1, 33))
    assert [(one.event, one.subject, dict(one.details)) for one in entries[1:-1]] == [
        (note.event, note.subject, note.details) for note in notes
    ]
    assert {one.actor for one in entries[1:-1]} == {"directory"}
    assert entries[-1] == last
    assert await records.read(lambda r: verify_trail(r.audit, keyring)) == []


async def test_a_work_that_fails_leaves_no_entry(records, keyring) -> None:
    def work(r):
        append()(r)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await records.write(work)
    assert (await records.write(append())).sequence == 1
    assert await records.read(lambda r: verify_trail(r.audit, keyring)) == []


async def test_the_time_of_another_zone_verifies(sql_records, keyring) -> None:
    zone = timezone(timedelta(hours=5))
    await sql_records.write(append(now=datetime(2026, 3, 2, 14, 0, 0, 1, tzinfo=zone)))
    assert await sql_records.read(lambda r: verify_trail(r.audit, keyring)) == []


async def test_texts_are_bounded(sql_records, keyring) -> None:
    entry = await sql_records.write(append("s" * 5000, {f"{n:03}": "v" * 5000 for n in range(100)}))
    assert len(entry.subject) == 1024
    assert len(entry.details) == 32
    assert {len(value) for value in entry.details.values()} == {1024}
    assert list(await sql_records.read(lambda r: r.audit.entries())) == [entry]
    assert await sql_records.read(lambda r: verify_trail(r.audit, keyring)) == []
