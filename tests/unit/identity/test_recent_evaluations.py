from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handfast.identity.ports import Unavailable
from handfast.identity.recent_evaluations import GATEWAY_STAGE, RecentEvaluations, complete, is_report
from handfast.identity.records import Evaluation, StageTrace
from tests.fakes.records import InMemoryRecords

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _evaluation(name):
    return Evaluation(name, NOW, "n", "p", "l", "s", "c", "u", None, None, "deny", "r", ())


async def test_the_ring_is_bounded_and_flushed_in_batches():
    recent, records = RecentEvaluations(capacity=5), InMemoryRecords()
    assert await recent.flush(records) == 0
    for n in range(8):
        recent.add(_evaluation(f"r{n}"))
    assert recent.dropped == 3
    assert recent.find("r2") is None
    assert await recent.flush(records, batch=2) == 2
    assert sorted(records.tables.evaluations) == ["r6", "r7"]
    assert recent.find("r7") is None
    assert recent.find("r5") is not None


def _said(name, reason, *, node="n", stage="credential", outcome="deny"):
    stages = (StageTrace(stage, outcome, reason),)
    return Evaluation(name, NOW, node, "p", "l", "s", "c", "u", None, None, outcome, reason, stages)


def _reported(name, reason, **more):
    return _said(name, reason, stage=GATEWAY_STAGE, **more)


def test_a_report_of_the_requests_end_completes_what_was_decided():
    decided, end = _said("r", "allowed", outcome="allow"), _reported("r", "backend-timeout")
    whole = complete(decided, end)
    assert (whole.outcome, whole.reason) == ("deny", "backend-timeout")
    assert [stage.stage for stage in whole.stages] == ["credential", GATEWAY_STAGE]


def test_what_another_node_reports_or_everybody_knows_changes_nothing():
    decided = _said("r", "allowed", outcome="allow")
    assert complete(decided, _reported("r", "backend-timeout", node="dmz2")) is decided
    same = _said("r", "credential-wrong")
    assert complete(same, _reported("r", "credential-wrong")) is same


def test_a_decision_replaces_a_report_and_a_report_a_report():
    report, decided = _reported("r", "malformed-request"), _said("r", "credential-wrong")
    assert complete(None, report) is report
    assert complete(report, decided) is decided
    later = _reported("r", "client-gone")
    assert complete(report, later) is later
    assert (is_report(report), is_report(decided), is_report(_evaluation("r"))) == (True, False, False)


async def test_a_report_completes_what_is_stored_and_a_repetition_writes_nothing():
    recent, records = RecentEvaluations(), InMemoryRecords()
    await records.write(lambda r: r.evaluations.add(_said("r", "allowed", outcome="allow")))
    recent.add(_reported("r", "client-gone"))
    recent.add(_reported("new", "malformed-request"))
    assert await recent.flush(records) == 2
    stored = records.tables.evaluations
    assert stored["r"].reason == "client-gone"
    assert len(stored["r"].stages) == 2
    assert stored["new"].reason == "malformed-request"

    before = stored["r"]
    recent.add(_reported("r", "client-gone", node="dmz2"))
    await recent.flush(records)
    assert records.tables.evaluations["r"] == before


async def test_what_could_not_be_stored_waits_on():
    recent, records = RecentEvaluations(), InMemoryRecords()
    recent.add(_said("r", "credential-wrong"))
    records.unavailable = True
    with pytest.raises(Unavailable):
        await recent.flush(records)
    assert recent.find("r") is not None
    records.unavailable = False
    assert await recent.flush(records) == 1
