"""I9: who lacks the checkpoint key can't edit, reorder or cut the audit trail unnoticed; after a checkpoint left the host,
nobody can. On a real database, with and without the key; its triggers are taken out first, as an intruder would."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from handfast.identity import audit_verification
from handfast.identity.audit import AuditEvent
from handfast.identity.audit_verification import ChainVerifier, FindingKind, verify_trail
from handfast.identity.checkpoints import Checkpoint, issue_checkpoint
from handfast.storage.migration import migrate
from handfast.storage.opening import open_records
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing

CHAIN = "identity-1"
CUT = "DELETE FROM audit_entries WHERE sequence > 6"
TAMPERINGS = {
    "edit": ["UPDATE audit_entries SET subject = 'somebody else' WHERE sequence = 4"],
    "edit the time": ["UPDATE audit_entries SET at = at + 1 WHERE sequence = 4"],
    "edit the actor": ["UPDATE audit_entries SET actor = 'uid:4711' WHERE sequence = 4"],
    "delete": ["DELETE FROM audit_entries WHERE sequence = 4"],
    "delete the first": ["DELETE FROM audit_entries WHERE sequence = 1"],
    "reorder": [
        "UPDATE audit_entries SET sequence = 99 WHERE sequence = 4",
        "UPDATE audit_entries SET sequence = 4 WHERE sequence = 5",
        "UPDATE audit_entries SET sequence = 5 WHERE sequence = 99",
    ],
    "cut": [CUT],
    "cut, with the head": [CUT, "DELETE FROM audit_heads"],
    "cut, and set the head back": [
        CUT,
        "UPDATE audit_heads SET sequence = 6, mac = (SELECT mac FROM audit_entries WHERE sequence = 6)",
    ],
    "empty": ["DELETE FROM audit_entries"],
}


@dataclass
class Trail:
    records: object
    file: Path

    async def write(self, count: int) -> None:
        for number in range(count):
            await self.records.write(
                lambda r, n=number: r.audit.append(
                    AuditEvent.DEVICE_BLOCKED,
                    now=START,
                    actor="uid:0",
                    subject=f"s{n}",
                    details={"n": str(n)},
                )
            )

    async def checkpoint(self) -> Checkpoint:
        sequence, mac, _ = await self.records.read(lambda r: r.audit.head(CHAIN))
        return issue_checkpoint(FakeKeyRing(), CHAIN, sequence, mac, START)

    async def is_whole(self, *checkpoints: Checkpoint) -> bool:
        return not await self.records.read(lambda r: verify_trail(r.audit, FakeKeyRing(), checkpoints))

    def tamper(self, *statements: str) -> None:
        """As root with a database client would."""
        with sqlite3.connect(self.file) as database:
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                database.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                database.execute(statement)
        database.close()


@pytest_asyncio.fixture
async def trail(tmp_path):
    url = f"sqlite:///{tmp_path}/handfast.db"
    migrate(url)
    records = open_records(url, FakeKeyRing(), chain=CHAIN, poll_seconds=0.1)
    await records.start()
    trail = Trail(records, tmp_path / "handfast.db")
    await trail.write(10)
    yield trail
    await records.close()


async def test_an_untouched_trail_is_whole(trail):
    assert await trail.is_whole(await trail.checkpoint())


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_without_the_key_every_change_is_found(trail, name):
    trail.tamper(*TAMPERINGS[name])
    assert not await trail.is_whole()


K = FindingKind
FOUND_BY = {
    "edit": {K.EDITED},
    "edit the time": {K.EDITED},
    "edit the actor": {K.EDITED},
    "delete": {K.MISSING},
    "delete the first": {K.MISSING},
    "reorder": {K.EDITED, K.UNLINKED},
    "cut": {K.CUT},
    "cut, with the head": {K.HEAD_MISSING},
    "cut, and set the head back": {K.HEAD_FORGED},
    "empty": {K.CUT},
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_without_the_one_check_that_finds_it_the_change_is_not_found(trail, name, monkeypatch):
    real = ChainVerifier._find

    def look_away(verifier: ChainVerifier, sequence: int, kind: FindingKind) -> None:
        if kind not in FOUND_BY[name]:
            real(verifier, sequence, kind)

    monkeypatch.setattr(ChainVerifier, "_find", look_away)
    trail.tamper(*TAMPERINGS[name])
    assert await trail.is_whole()


@pytest.mark.parametrize("statement", [TAMPERINGS["edit"][0], TAMPERINGS["delete"][0]])
async def test_the_schema_itself_refuses_a_change(trail, statement):
    """With its triggers in place; without them (as `tamper` takes them out) it does not."""
    with sqlite3.connect(trail.file) as database, pytest.raises(sqlite3.Error):
        database.execute(statement)
    database.close()
    trail.tamper(statement)


async def rewrite_with_the_key(trail: Trail, tmp_path: Path) -> None:
    """Who holds the key writes a whole new trail, in which only six things ever happened."""
    forged = tmp_path / "forged.db"
    url = f"sqlite:///{forged}"
    migrate(url)
    records = open_records(url, FakeKeyRing(), chain=CHAIN, poll_seconds=0.1)
    await records.start()
    await Trail(records, forged).write(6)
    await records.close()
    trail.tamper()
    with sqlite3.connect(trail.file) as database:
        database.execute("ATTACH DATABASE ? AS forged", (str(forged),))
        for table in ("audit_entries", "audit_heads"):
            columns = ", ".join(row[1] for row in database.execute(f"PRAGMA table_info({table})"))
            database.execute(f"DELETE FROM {table}")
            database.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM forged.{table}")
    database.close()


async def test_even_with_the_key_a_checkpoint_that_left_the_host_finds_it(trail, tmp_path):
    kept_elsewhere = await trail.checkpoint()
    await rewrite_with_the_key(trail, tmp_path)
    assert not await trail.is_whole(kept_elsewhere)


async def test_without_the_checkpoint_the_forgery_with_the_key_passes(trail, tmp_path):
    await rewrite_with_the_key(trail, tmp_path)
    assert await trail.is_whole()


async def test_a_checkpoint_nobody_signed_is_itself_a_finding(trail):
    sequence, mac, _ = await trail.records.read(lambda r: r.audit.head(CHAIN))
    forged = issue_checkpoint(FakeKeyRing(b"another key"), CHAIN, sequence, mac, START)
    assert not await trail.is_whole(forged)


async def test_without_the_signature_check_it_passes(trail, monkeypatch):
    sequence, mac, _ = await trail.records.read(lambda r: r.audit.head(CHAIN))
    monkeypatch.setattr(audit_verification, "is_authentic", lambda *_: True)
    assert await trail.is_whole(issue_checkpoint(FakeKeyRing(b"another key"), CHAIN, sequence, mac, START))
