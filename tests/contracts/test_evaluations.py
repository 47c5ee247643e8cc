"""The contract of `EvaluationRepository`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handfast.identity.records import Evaluation, StageTrace
from tests.fakes.clock import START

EVALUATION = Evaluation(
    "r1", START, "node", "mail", "outside", "192.0.2.1", "activesync", "a\0\ud800\\x", None, "DEV", "deny", "bad-password",
    (StageTrace("rule", "pass"), StageTrace("credential", "deny", "bad-password", "", "x\n")), "Apple/1", "POST /x",
)  # fmt: skip


async def test_an_evaluation_comes_back_whole(records) -> None:
    await records.write(lambda r: r.evaluations.add(EVALUATION))
    assert await records.read(lambda r: r.evaluations.find("r1")) == EVALUATION
    assert await records.read(lambda r: r.evaluations.find("r2")) is None


async def test_the_newer_of_one_request_id_is_found(records) -> None:
    newer = replace(EVALUATION, outcome="allow", account_id=3)
    await records.write(lambda r: r.evaluations.add(EVALUATION))
    await records.write(lambda r: r.evaluations.add(newer))
    assert await records.read(lambda r: r.evaluations.find("r1")) == newer


async def test_newest_first_and_swept(records) -> None:
    for number in range(5):
        one = replace(EVALUATION, request_id=f"r{number}", at=START + timedelta(days=number))
        await records.write(lambda r, one=one: r.evaluations.add(one))
    recent = await records.read(lambda r: r.evaluations.list_recent(limit=2))
    assert [e.request_id for e in recent] == ["r4", "r3"]
    assert await records.write(lambda r: r.evaluations.sweep(before=START + timedelta(days=3))) == 3
    assert len(await records.read(lambda r: r.evaluations.list_recent(limit=9))) == 2
