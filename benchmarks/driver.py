"""Runs the load generator against a subject and reads off what the subject used."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.backend import ROOT
from benchmarks.load import Task
from benchmarks.processes import cpu_between, cpu_seconds, rss_kib
from benchmarks.subject import HOST, Subject


@dataclass(frozen=True)
class Scale:
    """The sizes of a run."""

    rounds: int
    requests: int
    connections: int
    handshakes: int
    polls: int
    bulk_mib: int
    blocks: int
    decisions: int
    many_devices: int
    autodiscover_answers: int
    """Of 5 KiB and rewritten; of those of 500 KiB a fiftieth, of those that pass untouched five times as many."""
    streams: int
    stream_seconds: int
    tickets: int
    """People who get one for the first time, each round; an eighth of the tokens that are made of tickets at hand."""
    domain_people: int
    """Accounts made in a real domain; each takes 1 ms."""
    mirrored_people: int
    """Made-up accounts, mirrored without a domain controller."""
    lookups: int
    large_domain_people: int
    """Accounts made in a real domain of their own; each takes 2 ms, with its groups."""


FULL = Scale(
    3, 40_000, 32, 400, 5_000, 1024, 100, 2_000, 1_000_000, 1_000, 200, 2, 250, 10_000, 100_000, 500, 100_000
)
QUICK = Scale(3, 5_000, 32, 60, 500, 128, 8, 500, 20_000, 200, 50, 1, 40, 500, 5_000, 100, 1_000)


def build_task(
    subject: Subject, kind: str, connections: int, count: int = 0, command: str = "FolderSync"
) -> Task:
    """The load for one subject."""
    credential = subject.credential
    return Task(
        kind=kind,
        port=subject.port,
        host=HOST,
        target=subject.target(command),
        connections=connections,
        count=count,
        certificate=str(subject.certificate or ""),
        scheme=credential.scheme if credential else "",
        user=credential.user if credential else "",
        domain=credential.domain if credential else "",
        password=credential.password if credential else "",
        authorization=credential.basic_header() if credential and credential.scheme == "basic" else "",
    )


def build_xml_task(
    subject: Subject, kind: str, connections: int, target: str, document: str, **more: Any
) -> Task:
    """The load of a client that posts a document."""
    task = build_task(subject, kind, connections)
    return replace(task, target=target, document=document, **more)


class LoadFailed(RuntimeError):
    """The load generator could not do its task; the message is its own."""


class Load:
    """The other end of `benchmarks.load`'s standard input and output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def say(self, line: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, word: str = "") -> dict[str, float]:
        """The next line, which must be `word`, or without one the result. Raises: LoadFailed."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if word and line == word:
            return {}
        result: dict[str, Any] = (
            json.loads(line) if line.startswith("{") else {"error": line or "ended without a result"}
        )
        if word or "error" in result:
            raise LoadFailed(str(result.get("error", line)))
        return result


@contextlib.contextmanager
def start_load(task: Task, program: str = "benchmarks.load") -> Iterator[Load]:
    """Starts the load generator; it has all connections open when this yields."""
    command = [sys.executable, "-m", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        load = Load(process)
        try:
            load.say(task.encode())
            load.expect("ready")
            yield load
        finally:
            process.kill()


def cpu_microseconds_each(subject: Subject, task: Task) -> float:
    """CPU time of all the subject's processes per request (or handshake)."""
    with start_load(task) as load:
        before = cpu_seconds(subject.pid)
        load.say()
        load.expect()
        used = cpu_between(before, cpu_seconds(subject.pid))
    return used / task.count * 1e6


@dataclass(frozen=True)
class Streamed:
    """What came through a subject, and what each envelope cost it."""

    chunks: int
    cpu_microseconds_each: float
    p50_milliseconds: float
    p99_milliseconds: float


def listen_to_streams(subject: Subject, task: Task) -> Streamed:
    """Listens for the task's seconds. Raises: LoadFailed."""
    with start_load(task, "benchmarks.stream_load") as load:
        before = cpu_seconds(subject.pid)
        load.say()
        heard = load.expect()
        used = cpu_between(before, cpu_seconds(subject.pid))
    if not heard["chunks"]:
        raise LoadFailed("the streams fell silent")
    return Streamed(int(heard["chunks"]), used / heard["chunks"] * 1e6, heard["p50"], heard["p99"])


def kib_each_idle_poll(subject: Subject, polls: int) -> float:
    """Growth of the subject's resident memory for each of `polls` requests that hang."""
    warm = build_task(subject, "hold", 20, command="Ping")
    with start_load(warm) as load:  # what the first connections bring with them isn't theirs
        load.say()
        load.expect("sent")
    time.sleep(0.5)
    before = rss_kib(subject.pid)
    with start_load(build_task(subject, "hold", polls, command="Ping")) as load:
        load.say()
        load.expect("sent")
        settled = _settle(subject)
        load.say()
        load.expect()
    return (settled - before) / polls


def _settle(subject: Subject) -> int:
    """RSS once it stands still for half a second; at most 20 s."""
    last = rss_kib(subject.pid)
    for _ in range(40):
        time.sleep(0.5)
        now = rss_kib(subject.pid)
        if abs(now - last) < 64:
            return now
        last = now
    return last
