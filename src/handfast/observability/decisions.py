"""One record a request: a log line of stable form, and the counts behind the metrics.

The line, whose fields and their order are part of the product (fail2ban and people's scripts read it):

    2026-01-01T00:00:00.000Z handfast decision source=203.0.113.7 outcome=deny reason=credential-wrong status=401
      method=POST path=/Microsoft-Server-ActiveSync command=Sync publication=mail channel=activesync listener=outside
      login=alice account=17 device=ABC type=iPhone seconds=0.250 in=0 out=0 backend=- reused=false node=edge1
      request=6f0a... rule=activesync

(one line; broken here). New fields may be added at the end. `source` comes first, so that nothing a client chose can
stand before it. A line that stands for several requests ends with `repeats=N`. Values are escaped as `line_format` says; `-` stands for none.

The hot path formats and counts in this process alone: lines leave together within 50 ms (a refusal at once), counts
reach Prometheus each second.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.observability import metrics
from handfast.observability.histogram_batch import HistogramBatch
from handfast.observability.line_format import format_time, format_value
from handfast.observability.log_output import LogOutput
from handfast.observability.repeated_lines import REPORT_EVERY_SECONDS, RepeatedLines

FLUSH_LINES_SECONDS = 0.05
FLUSH_COUNTS_SECONDS = 1.0
MAX_BUFFERED_LINES = 512
MAX_REMEMBERED_TEXTS = 512


@dataclass(slots=True)
class DecisionRecord:
    """What became of one request; nobody changes it, but a frozen one would cost each request twice as much.

    `source` is an IP address; sizes are of bodies; `backend` is its address or "".

    `rule` is the name of the rule the request is under, or of the one that refused it.

    `decided_by_identity` says that the reason is identity's own word; `detail` what was wrong, for administrators alone.
    """

    request_id: str
    node: str
    listener: str
    source: str
    publication: str
    channel: Channel | None
    login: str
    account_id: int | None
    device_id: str
    device_type: str
    command: str
    method: str
    path: str
    outcome: Outcome
    reason: Reason
    status: int
    duration_s: float
    bytes_in: int
    bytes_out: int
    backend: str
    grant_reused: bool
    decided_by_identity: bool = False
    detail: str = ""
    rule: str = ""
    is_repeat: bool = False
    """The same client was wrong in the same way just before: it is counted, and told with others (`repeated_lines`)."""
    repeats: int = 0


class DecisionLog:
    """Takes records on the event loop of one process; `flush` and `close` leave nothing behind."""

    def __init__(self, output: LogOutput, *, form: Literal["line", "json"] = "line") -> None:
        self._output = output
        self._format: Callable[[DecisionRecord, float], str] = (
            format_decision if form == "line" else _format_json
        )
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._counts: dict[tuple[str, Outcome, Reason], int] = {}
        self._seconds = {outcome: HistogramBatch(metrics.REQUEST_BUCKETS) for outcome in Outcome}
        self._bytes_in = 0
        self._bytes_out = 0
        self._reused = 0
        self._count_timer: asyncio.TimerHandle | None = None
        self._repeated = RepeatedLines()
        self._repeat_timer: asyncio.TimerHandle | None = None
        self._lost = 0

    def record(self, record: DecisionRecord) -> None:
        """Logs and counts one request; never raises for what is in it, never blocks but for one write of a refusal."""
        if record.is_repeat:
            self._note_repeat(record)
        else:
            self._lines.append(self._format(record, time.time()))
        key = (record.publication, record.outcome, record.reason)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._seconds[record.outcome].observe(record.duration_s)
        self._bytes_in += record.bytes_in
        self._bytes_out += record.bytes_out
        self._reused += record.grant_reused
        if record.outcome is Outcome.DENY or len(self._lines) >= MAX_BUFFERED_LINES:
            self._flush_lines()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_LINES_SECONDS, self._flush_lines)
        if self._count_timer is None:
            loop = asyncio.get_running_loop()
            self._count_timer = loop.call_later(FLUSH_COUNTS_SECONDS, self._flush_counts)

    def flush(self) -> None:
        """Writes lines and counts now."""
        self._flush_repeats()
        self._flush_lines()
        self._flush_counts()

    def _note_repeat(self, record: DecisionRecord) -> None:
        early = self._repeated.add(record)
        if early is not None:
            self._lines.append(self._format(early, time.time()))
        if self._repeat_timer is None:
            loop = asyncio.get_running_loop()
            self._repeat_timer = loop.call_later(REPORT_EVERY_SECONDS, self._flush_repeats)

    def _flush_repeats(self) -> None:
        if self._repeat_timer is not None:
            self._repeat_timer.cancel()
            self._repeat_timer = None
        now = time.time()
        self._lines += [self._format(record, now) for record in self._repeated.take()]
        self._flush_lines()

    def _flush_lines(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            text = "".join(self._lines)
            self._lines.clear()
            self._output.write(text)

    def _flush_counts(self) -> None:
        if self._count_timer is not None:
            self._count_timer.cancel()
            self._count_timer = None
        for (publication, outcome, reason), count in self._counts.items():
            metrics.DECISIONS.labels(publication, outcome.value, reason.value).inc(count)
        for seconds_of, batch in self._seconds.items():
            batch.move_to(metrics.REQUEST_SECONDS, seconds_of.value)
        metrics.BYTES.labels("in").inc(self._bytes_in)
        metrics.BYTES.labels("out").inc(self._bytes_out)
        metrics.GRANTS_REUSED.inc(self._reused)
        metrics.LOG_LINES_LOST.inc(self._output.lost_lines - self._lost)
        self._counts.clear()
        self._bytes_in = self._bytes_out = self._reused = 0
        self._lost = self._output.lost_lines


def format_decision(record: DecisionRecord, seconds: float) -> str:
    """The line of one record, with its line feed; `seconds` since 1970."""
    # Only what was allowed repeats itself, and only that is remembered: a stranger fills no memory of ours.
    about = _about_again if record.outcome is Outcome.ALLOW else _about
    said = about(
        record.source,
        record.outcome,
        record.reason,
        record.status,
        record.method,
        record.path,
        record.command,
        record.publication,
        record.channel,
        record.listener,
        record.login,
        record.account_id,
        record.device_id,
        record.device_type,
    )
    return (
        f"{format_time(seconds)} handfast decision {said} seconds={record.duration_s:.3f} in={record.bytes_in}"
        f" out={record.bytes_out} backend={record.backend or '-'} reused={'true' if record.grant_reused else 'false'}"
        f" node={record.node or '-'} request={record.request_id or '-'} rule={record.rule or '-'}"
        f"{f' repeats={record.repeats}' if record.repeats else ''}\n"
    )


def _about(
    source: str,
    outcome: Outcome,
    reason: Reason,
    status: int,
    method: str,
    path: str,
    command: str,
    publication: str,
    channel: Channel | None,
    listener: str,
    login: str,
    account_id: int | None,
    device_id: str,
    device_type: str,
) -> str:
    """The fields that the next request of the same client has again."""
    value = format_value
    return (
        f"source={value(source)} outcome={outcome.value}"
        f" reason={reason.value} status={status} method={value(method or None)}"
        f" path={value(path or None)} command={value(command or None)}"
        f" publication={publication or '-'} channel={channel.value if channel else '-'}"
        f" listener={listener or '-'} login={value(login or None)}"
        f" account={'-' if account_id is None else account_id}"
        f" device={value(device_id or None)} type={value(device_type or None)}"
    )


_about_again = lru_cache(maxsize=MAX_REMEMBERED_TEXTS)(_about)


def _format_json(record: DecisionRecord, seconds: float) -> str:
    return json.dumps({"time": format_time(seconds), "event": "decision", **asdict(record)}) + "\n"
