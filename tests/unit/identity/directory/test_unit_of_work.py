from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.audit import AuditEvent
from handfast.identity.directory.unit_of_work import MirrorReport, UnitOfWork
from handfast.identity.directory.working_set import WorkingSet
from handfast.identity.records import RevocationScope
from tests.fakes.mirror import ALICE, LATER, Mirror


@pytest.fixture
def mirror():
    told = Mirror()
    told.tell(ALICE)
    return told


@pytest.fixture
def unit(mirror):
    return UnitOfWork(mirror.r, WorkingSet(mirror.r, [ALICE], LATER), LATER)


def test_notes_are_stored_when_it_ends_and_in_their_order(mirror, unit):
    before = len(mirror.tables.audit)
    alice = mirror.by_name("alice")
    for event in (AuditEvent.ACCOUNT_RENAMED, AuditEvent.ACCOUNT_CHANGED):
        unit.record(event, alice, {"sid": ALICE.sid})
    assert len(mirror.tables.audit) == before
    assert unit.finish().events == [AuditEvent.ACCOUNT_RENAMED, AuditEvent.ACCOUNT_CHANGED]
    stored = mirror.tables.audit[before:]
    assert [(one.event, one.actor, one.subject, one.at) for one in stored] == [
        (AuditEvent.ACCOUNT_RENAMED, "directory", "alice@contoso.lab", LATER),
        (AuditEvent.ACCOUNT_CHANGED, "directory", "alice@contoso.lab", LATER),
    ]


def test_who_is_gone_is_cut_and_told_of_once(mirror, unit):
    for _ in range(2):
        unit.mark_gone(unit.accounts.with_sid(ALICE.sid), name_now_of="S-1-5-21-1-2-3-9")
    assert unit.finish().events == [AuditEvent.ACCOUNT_GONE]
    assert mirror.tables.audit[-1].details == {"sid": ALICE.sid, "name_now_of": "S-1-5-21-1-2-3-9"}
    alice = mirror.by_name("alice")
    assert (alice.is_gone, alice.directory.read_at) == (True, LATER)
    cut = [(one.scope, one.account_id) for one in mirror.tables.revocations]
    assert cut == [(RevocationScope.ACCOUNT, alice.id)]


def test_who_cannot_be_judged_is_refused_and_keeps_all_else(mirror, unit):
    for _ in range(2):
        unit.mark_unreadable(unit.accounts.with_sid(ALICE.sid))
    assert unit.finish().events == [AuditEvent.ACCOUNT_CHANGED]
    assert mirror.tables.audit[-1].details["is_enabled"] == "yes -> no"
    alice = mirror.by_name("alice")
    assert (alice.is_gone, alice.directory.is_enabled, alice.directory.read_at) == (False, False, LATER)
    assert replace(alice.directory, is_enabled=True, read_at=ALICE.facts.read_at) == ALICE.facts
    assert [one.account_id for one in mirror.tables.revocations] == [alice.id]
    assert mirror.tell(ALICE).events == [AuditEvent.ACCOUNT_CHANGED]
    assert mirror.by_name("alice").directory.is_enabled, "as soon as it makes sense"


def test_who_is_gone_stays_gone(mirror, unit):
    unit.mark_gone(unit.accounts.with_sid(ALICE.sid))
    unit.mark_unreadable(unit.accounts.with_sid(ALICE.sid))
    assert unit.finish().events == [AuditEvent.ACCOUNT_GONE]


def test_reports_add_up():
    total = MirrorReport([AuditEvent.ACCOUNT_GONE], ["a"], ["b"], ["c"])
    total.add(MirrorReport([AuditEvent.ACCOUNT_MIRRORED], ["d"], ["e"], ["f"]))
    assert total == MirrorReport(
        [AuditEvent.ACCOUNT_GONE, AuditEvent.ACCOUNT_MIRRORED], ["a", "d"], ["b", "e"], ["c", "f"]
    )
