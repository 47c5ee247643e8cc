"""Who lacks the key can't edit, delete, reorder or cut the audit trail unnoticed; a checkpoint outside sees the rest."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.audit_verification import FindingKind, verify_trail
from handfast.identity.checkpoints import issue_checkpoint
from tests.contracts.raw_sql import run_sql, without_trigger
from tests.fakes.clock import START

CUT_TWO = "DELETE FROM audit_entries WHERE sequence > 8"
TAMPERINGS = {
    "edited": (["UPDATE audit_entries SET subject = 'other' WHERE sequence = 4"], {(4, FindingKind.EDITED)}),
    "edited details": (
        ["UPDATE audit_entries SET details = '{}' WHERE sequence = 4"],
        {(4, FindingKind.EDITED)},
    ),
    "edited time": (["UPDATE audit_entries SET at = at + 1 WHERE sequence = 4"], {(4, FindingKind.EDITED)}),
    "no entry any more": (
        ["UPDATE audit_entries SET event = 'nothing' WHERE sequence = 4"],
        {(4, FindingKind.UNREADABLE), (5, FindingKind.UNLINKED)},
    ),
    "deleted": (["DELETE FROM audit_entries WHERE sequence = 4"], {(4, FindingKind.MISSING)}),
    "first deleted": (["DELETE FROM audit_entries WHERE sequence = 1"], {(1, FindingKind.MISSING)}),
    "reordered": (
        [
            "UPDATE audit_entries SET sequence = 100 WHERE sequence = 4",
            "UPDATE audit_entries SET sequence = 4 WHERE sequence = 5",
            "UPDATE audit_entries SET sequence = 5 WHERE sequence = 100",
        ],
        {
            (4, FindingKind.EDITED),
            (5, FindingKind.EDITED),
            (4, FindingKind.UNLINKED),
            (5, FindingKind.UNLINKED),
            (6, FindingKind.UNLINKED),
        },
    ),
    "cut": ([CUT_TWO], {(9, FindingKind.CUT)}),
    "cut with its head": ([CUT_TWO, "DELETE FROM audit_heads"], {(8, FindingKind.HEAD_MISSING)}),
    "emptied": (["DELETE FROM audit_entries"], {(1, FindingKind.CUT)}),
}


def edit(url: str, statements: list[str]) -> None:
    without_trigger(url, "audit_entries_not_edited", "audit_entries")
    without_trigger(url, "audit_entries_not_deleted", "audit_entries", *statements)


async def fill(records, count: int = 10) -> None:
    for number in range(count):
        await records.write(
            lambda r, n=number: r.audit.append(
                AuditEvent.DEVICE_BLOCKED, now=START, actor="uid:0", subject=f"s{n}", details={"n": str(n)}
            )
        )


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_is_found(sql_records, database_url, keyring, name) -> None:
    statements, expected = TAMPERINGS[name]
    await fill(sql_records)
    assert await sql_records.read(lambda r: verify_trail(r.audit, keyring)) == []
    edit(database_url, statements)
    findings = await sql_records.read(lambda r: verify_trail(r.audit, keyring))
    assert {(finding.sequence, finding.kind) for finding in findings} == expected


async def test_an_older_head_put_back_is_found_by_a_checkpoint(sql_records, database_url, keyring) -> None:
    await fill(sql_records, 8)
    sequence, mac, head_mac = await sql_records.read(lambda r: r.audit.head("identity-1"))
    await fill(sql_records, 2)
    newest = await sql_records.read(lambda r: r.audit.head("identity-1"))
    checkpoint = issue_checkpoint(keyring, "identity-1", newest[0], newest[1], START)
    blob = "X'%s'" if database_url.startswith("sqlite") else "'\\x%s'"
    without_trigger(
        database_url,
        "audit_heads_rise",
        "audit_heads",
        f"UPDATE audit_heads SET sequence = {sequence}, mac = {blob % mac.hex()}, head_mac = {blob % head_mac.hex()}",
    )
    edit(database_url, [CUT_TWO])
    assert await sql_records.read(lambda r: verify_trail(r.audit, keyring)) == [], "this needs a checkpoint"
    findings = await sql_records.read(lambda r: verify_trail(r.audit, keyring, [checkpoint]))
    assert [(f.sequence, f.kind) for f in findings] == [(9, FindingKind.CHECKPOINT_BEYOND)]


GUARDED = [
    "UPDATE audit_entries SET subject = 'other'",
    "DELETE FROM audit_entries",
    "UPDATE audit_heads SET sequence = sequence - 1",
    "UPDATE revocation_epoch SET epoch = epoch",
    "INSERT INTO revocation_epoch (id, epoch) VALUES (2, 0)",
]


@pytest.mark.parametrize("statement", GUARDED)
async def test_the_schema_itself_refuses(sql_records, database_url, statement) -> None:
    await fill(sql_records, 2)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.IntegrityError)):
        run_sql(database_url, statement)


async def test_truncating_the_trail_is_refused(sql_records, database_url) -> None:
    if database_url.startswith("sqlite"):
        return  # SQLite has no TRUNCATE; DELETE is refused above.
    await fill(sql_records, 1)
    with pytest.raises(psycopg.errors.IntegrityError):
        run_sql(database_url, "TRUNCATE audit_entries")
