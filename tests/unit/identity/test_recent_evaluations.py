"""Two words on one request: what identity decided, and how its gateway says it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handfast.identity.ports import Unavailable
from handfast.identity.recent_evaluations import RecentEvaluations, complete, is_report
from handfast.identity.records import Evaluation, StageTrace
from tests.fakes.records import InMemoryRecords

DECIDED = Evaluation(
    "r1", datetime(2026, 3, 2, tzinfo=UTC), "edge1", "mail", "outside", "192.0.2.1", "activesync", "alice", None, "ABC",
    "allow", "allowed", (StageTrace("rule", "pass"), StageTrace("device", "pass")),
)  # fmt: skip
REPORT = replace(
    DECIDED, outcome="deny", reason="backend-timeout", login="",
    stages=(StageTrace("gateway", "deny", "backend-timeout"),),
)  # fmt: skip


def test_a_report_completes_the_decision():
    whole = complete(DECIDED, REPORT)
    assert (whole.outcome, whole.reason, whole.login) == ("deny", "backend-timeout", "alice")
    assert [stage.stage for stage in whole.stages] == ["rule", "device", "gateway"]
    assert is_report(REPORT)
    assert not is_report(whole)


def test_a_report_alone_stands_for_itself():
    assert complete(None, REPORT) == REPORT
    assert complete(REPORT, REPORT) == REPORT


def test_another_node_s_report_and_a_repetition_change_nothing():
    assert complete(DECIDED, replace(REPORT, node="edge2")) == DECIDED
    denied = replace(DECIDED, outcome="deny", reason="backend-timeout")
    assert complete(denied, REPORT) == denied


def test_a_decision_is_never_merged_into_another():
    later = replace(DECIDED, reason="device-blocked")
    assert complete(DECIDED, later) == later


async def test_the_ring_completes_what_waits_and_what_is_stored():
    recent, records = RecentEvaluations(), InMemoryRecords()
    recent.add(DECIDED)
    recent.add(REPORT)
    found = recent.find("r1")
    assert found is not None
    assert found.reason == "backend-timeout"
    await records.write(lambda repositories: repositories.evaluations.add(DECIDED))
    recent = RecentEvaluations()
    recent.add(REPORT)
    assert await recent.flush(records) == 1
    stored = await records.read(lambda repositories: repositories.evaluations.find("r1"))
    assert stored is not None
    assert [stage.stage for stage in stored.stages] == ["rule", "device", "gateway"]
    recent.add(replace(REPORT, node="edge2"))
    assert await recent.flush(records) == 1
    assert await records.read(lambda repositories: repositories.evaluations.find("r1")) == stored


def _evaluation(name):
    return Evaluation(name, DECIDED.at, "n", "p", "l", "s", "c", "u", None, None, "deny", "r", ())


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


async def test_what_could_not_be_stored_waits_on():
    recent, records = RecentEvaluations(), InMemoryRecords()
    recent.add(_evaluation("r"))
    records.unavailable = True
    with pytest.raises(Unavailable):
        await recent.flush(records)
    assert recent.find("r") is not None
    records.unavailable = False
    assert await recent.flush(records) == 1
