import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from handfast.decision.outcome import Outcome
from handfast.decision.ports import GatewayEvent
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.observability.decisions import MAX_BUFFERED_LINES, DecisionLog, DecisionRecord, format_decision
from handfast.observability.log_output import LogOutput
from handfast.observability.record_decision import BURST, DecisionRecorder

DENIED = DecisionRecord(
    request_id="6f0a",
    node="edge1",
    listener="outside",
    source="203.0.113.7",
    publication="mail",
    channel=Channel.ACTIVESYNC,
    login="EX\\alice",
    account_id=17,
    device_id="ABC123",
    device_type="iPhone",
    command="Sync",
    method="POST",
    path="/Microsoft-Server-ActiveSync",
    outcome=Outcome.DENY,
    reason=Reason.CREDENTIAL_WRONG,
    status=401,
    duration_s=0.25,
    bytes_in=10,
    bytes_out=20,
    backend="",
    grant_reused=False,
)
ALLOWED = replace(DENIED, outcome=Outcome.ALLOW, reason=Reason.ALLOWED, status=200, grant_reused=True)
LINE = (
    "2026-01-01T00:00:00.000Z handfast decision source=203.0.113.7 outcome=deny reason=credential-wrong status=401"
    " method=POST path=/Microsoft-Server-ActiveSync command=Sync publication=mail channel=activesync"
    ' listener=outside login="EX\\\\alice" account=17 device=ABC123 type=iPhone seconds=0.250 in=10 out=20'
    " backend=- reused=false node=edge1 request=6f0a rule=-\n"
)


@pytest.fixture
def log(tmp_path: Path):
    output = LogOutput(tmp_path / "log")
    yield DecisionLog(output)
    output.close()


def lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().splitlines()


def test_the_line_is_stable():
    assert format_decision(DENIED, 1767225600.0) == LINE


def test_the_rule_ends_the_line():
    assert format_decision(replace(DENIED, rule="proxyshell"), 0.0).endswith(
        " request=6f0a rule=proxyshell\n"
    )


def test_what_is_not_known_is_a_dash():
    empty = replace(
        DENIED,
        request_id="",
        node="",
        listener="",
        publication="",
        channel=None,
        login="",
        account_id=None,
        device_id="",
        device_type="",
        command="",
        method="",
        path="",
    )
    shown = format_decision(empty, 0.0)
    assert shown.count("=-") == 14
    assert "=\n" not in shown
    assert "= " not in shown


def test_nothing_a_client_sends_forges_a_line_or_a_field():
    forged = "x\n2026-01-01T00:00:00.000Z handfast decision source=192.0.2.1 outcome=deny"
    shown = format_decision(
        replace(
            DENIED,
            login=forged,
            path=forged,
            method=forged,
            device_id=forged,
            device_type=forged,
            command=forged,
            source=forged,
        ),
        0.0,
    )
    assert shown.count("\n") == 1
    assert not any(field.startswith("source=192") for field in shown.split('"')[::2])


async def test_refusals_are_written_at_once_and_the_rest_soon(log: DecisionLog, tmp_path: Path):
    log.record(ALLOWED)
    assert lines(tmp_path) == []
    log.record(DENIED)
    assert [" outcome=allow " in line for line in lines(tmp_path)] == [True, False]
    log.record(ALLOWED)
    await asyncio.sleep(0.12)
    assert len(lines(tmp_path)) == 3
    log.flush()


async def test_the_buffer_is_bounded(log: DecisionLog, tmp_path: Path):
    for _ in range(MAX_BUFFERED_LINES):
        log.record(ALLOWED)
    assert len(lines(tmp_path)) == MAX_BUFFERED_LINES
    log.flush()


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_counts_reach_the_metrics(log: DecisionLog):
    names = {"publication": "mail", "outcome": "deny", "reason": "credential-wrong"}
    read = lambda: (
        sample("handfast_decisions_total", **names),
        sample("handfast_request_seconds_count", outcome="deny"),
        sample("handfast_bytes_total", direction="in"),
        sample("handfast_bytes_total", direction="out"),
        sample("handfast_grants_reused_total"),
    )
    before = read()
    for record in (DENIED, DENIED, ALLOWED):
        log.record(record)
    log.flush()
    log.flush()
    assert [after - start for after, start in zip(read(), before, strict=True)] == [2, 2, 30, 60, 1]


async def test_lost_lines_are_counted():
    before = sample("handfast_log_lines_lost_total")
    output = LogOutput(Path("/dev/full"))
    log = DecisionLog(output)
    log.record(DENIED)
    log.flush()
    output.close()
    assert sample("handfast_log_lines_lost_total") - before == 1


async def test_json_form_holds_every_field(tmp_path: Path):
    output = LogOutput(tmp_path / "log")
    log = DecisionLog(output, form="json")
    log.record(DENIED)
    log.flush()
    output.close()
    said = json.loads(lines(tmp_path)[0])
    assert said["event"] == "decision"
    assert said["login"] == "EX\\alice"
    assert said["reason"] == "credential-wrong"
    assert set(DecisionRecord.__dataclass_fields__) < set(said)


class Sink:
    def __init__(self) -> None:
        self.events: list[GatewayEvent] = []

    def record(self, event: GatewayEvent) -> None:
        self.events.append(event)


async def test_identity_is_told_what_it_did_not_decide(log: DecisionLog, tmp_path: Path):
    sink = Sink()
    recorder = DecisionRecorder(log, sink)
    recorder.record(ALLOWED)
    recorder.record(replace(DENIED, decided_by_identity=True))
    recorder.record(replace(DENIED, reason=Reason.BACKEND_TIMEOUT, detail="slow"))
    log.flush()
    assert len(lines(tmp_path)) == 3
    [event] = sink.events
    details = dict(event.details)
    assert (event.name, event.publication, event.source) == ("request-refused", "mail", DENIED.source)
    assert (details["request_id"], details["reason"], details["detail"]) == (
        DENIED.request_id,
        "backend-timeout",
        "slow",
    )


async def test_a_flood_is_told_in_numbers_and_later_one_by_one_again(log: DecisionLog):
    sink, now = Sink(), [0.0]
    recorder = DecisionRecorder(log, sink, monotonic=lambda: now[0])
    for _ in range(BURST + 5):
        recorder.record(DENIED)
    assert ["request_id" in dict(event.details) for event in sink.events] == [True] * BURST + [False] * 5
    assert sink.events[-1] == GatewayEvent(
        "request-refused", publication="mail", details=(("reason", "credential-wrong"),)
    )
    now[0] += 1.0
    recorder.record(DENIED)
    assert "request_id" in dict(sink.events[-1].details)


async def test_what_is_wrong_again_is_counted_and_told_in_one_line(log: DecisionLog, tmp_path: Path):
    log.record(DENIED)
    for _ in range(500):
        log.record(replace(DENIED, is_repeat=True))
    assert len(lines(tmp_path)) == 1
    log.flush()
    first, again = lines(tmp_path)
    assert "repeats=" not in first
    assert again.endswith(" repeats=500")
    log.flush()
    assert len(lines(tmp_path)) == 2
