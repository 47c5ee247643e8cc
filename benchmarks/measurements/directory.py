"""The directory: mirroring a domain whole, a poll by which nothing is new, finding one account.

A real domain (Samba's controller, one process) of some size, and made-up accounts in larger number without a controller; each
sync into empty records of its own, SQLite and PostgreSQL, by a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict

from benchmarks import handfast_subject as ours
from benchmarks.backend import ROOT
from benchmarks.domain import domain_of
from benchmarks.driver import LoadFailed, Scale
from benchmarks.mirror_load import Mirrored, MirrorTask
from benchmarks.people import name_of
from benchmarks.results import Figure, percentile
from benchmarks.rounds import Rounds
from handfast.directory import open_directory
from handfast.directory.active_directory import ActiveDirectory
from handfast.settings.directory import DirectorySettings
from tests.servers.postgresql import PostgresqlServer
from tests.servers.processes import server_directory
from tests.servers.samba import DomainController

SQLITE, POSTGRESQL = f"{ours.NAME}, SQLite", f"{ours.NAME}, PostgreSQL"
PATIENCE_SECONDS = 30.0
"""For one answer: Samba looks at every object to find the first page of a listing."""
MIRROR_SECONDS = 3600.0


def measure(scale: Scale) -> Iterator[Figure]:
    """The domain first, while it is there; then the larger number without one."""
    with domain_of(scale.domain_people) as dc:
        settings = dc.settings(timeout_seconds=PATIENCE_SECONDS)
        yield from measure_syncs(f"domain-{scale.domain_people}", directory=settings)
        yield from asyncio.run(_polls_and_lookups(dc, scale))
    yield from measure_syncs(f"mirror-{scale.mirrored_people}", people=scale.mirrored_people)


def measure_syncs(key: str, *, people: int = 0, directory: str = "") -> Iterator[Figure]:
    """Once for each kind of records."""
    units = {"first": "s", "again": "s", "memory": "MiB"}
    rounds = {which: Rounds(f"sync-{key}-{which}", unit) for which, unit in units.items()}
    for subject in (SQLITE, POSTGRESQL):
        with contextlib.ExitStack() as stack:
            for one in rounds.values():
                stack.enter_context(one.note_missing(subject))
            folder = str(stack.enter_context(server_directory("sync")))
            url = f"sqlite:///{folder}/handfast.db"
            if subject == POSTGRESQL:
                url = stack.enter_context(PostgresqlServer(durable=True)).new_database()
            done = _mirror(MirrorTask(folder, url, people, directory))
            rounds["first"].add(subject, done.first)
            rounds["again"].add(subject, done.again)
            rounds["memory"].add(subject, done.mib)
    for one in rounds.values():
        yield from one.figures()


def _mirror(task: MirrorTask) -> Mirrored:
    """Raises: LoadFailed."""
    command = [sys.executable, "-m", "benchmarks.mirror_load", json.dumps(asdict(task))]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=MIRROR_SECONDS, check=False
    )
    if done.returncode:
        raise LoadFailed(f"the sync ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    mirrored = Mirrored(**json.loads(done.stdout.splitlines()[-1]))
    if mirrored.accounts < max(task.people, 1):
        raise LoadFailed(f"{mirrored.accounts} accounts were read, which are too few")
    return mirrored


async def _polls_and_lookups(dc: DomainController, scale: Scale) -> list[Figure]:
    poll = Rounds("directory-poll", "ms")
    p50, p99 = Rounds("directory-lookup-p50", "ms"), Rounds("directory-lookup-p99", "ms")
    section = tomllib.loads(dc.settings(timeout_seconds=PATIENCE_SECONDS))["directory"]
    directory = open_directory(DirectorySettings.model_validate(section))
    try:
        positions = await _read(directory, {})
        for number in range(scale.rounds):
            began = time.perf_counter()
            await _read(directory, positions)
            poll.add(ours.NAME, (time.perf_counter() - began) * 1000)
            drawn = random.Random(number).choices(range(scale.domain_people), k=scale.lookups)
            taken = [await _look_up(directory, name_of(person)) for person in drawn]
            p50.add(ours.NAME, percentile(taken, 0.5))
            p99.add(ours.NAME, percentile(taken, 0.99))
    finally:
        await directory.close()
    return [*poll.figures(), *p50.figures(), *p99.figures()]


async def _read(directory: ActiveDirectory, positions: dict[str, int]) -> dict[str, int]:
    """Reads what is new since `positions`; where that ended."""
    async for batch in directory.changes(positions):
        if batch.position is not None:
            positions = {batch.position.invocation_id: batch.position.highest_usn}
    return positions


async def _look_up(directory: ActiveDirectory, name: str) -> float:
    """Milliseconds. Raises: LoadFailed."""
    began = time.perf_counter()
    if await directory.find(name) is None:
        raise LoadFailed(f"{name} was not found")
    return (time.perf_counter() - began) * 1000
