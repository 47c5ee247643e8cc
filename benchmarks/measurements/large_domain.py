"""A domain of 100,000 accounts on a real controller: made, mirrored whole, and polled while things change in it.

Making it takes three to four minutes; 4 GB of memory and of disk are taken meanwhile. A poll reads the changes and stores them (SQLite), as identity does every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import handfast_subject as ours
from benchmarks.domain import NEWCOMERS, TEAMS, fill, group_dn, person_dn
from benchmarks.driver import LoadFailed, Scale
from benchmarks.measurements.directory import PATIENCE_SECONDS, measure_syncs
from benchmarks.processes import rss_kib
from benchmarks.results import Figure
from benchmarks.rounds import Rounds
from handfast.directory import open_directory
from handfast.directory.active_directory import ActiveDirectory
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.rounds import MirrorRound
from handfast.identity.ports import Records
from handfast.keys.key_file import create_key_file
from handfast.keys.key_ring import FileKeyRing
from handfast.keys.system import SystemClock
from handfast.settings.directory import DirectorySettings
from handfast.storage.migration import migrate
from handfast.storage.opening import open_records
from tests.servers.processes import server_directory
from tests.servers.samba import DomainController
from tests.servers.samba_domain import LARGE_STORE, line

SCOPE = "benchmark"
CHANGED = 100
"""People who change at once in one of the polls."""


def measure(scale: Scale) -> Iterator[Figure]:
    """How fast it fills, whole readings, then polls of one reader."""
    people = scale.large_domain_people
    filled = Rounds(f"turn-{people}-filled", "accounts/s")
    with DomainController(store=LARGE_STORE) as dc:
        began = time.perf_counter()
        fill(dc, people)
        filled.add(ours.NAME, people / (time.perf_counter() - began))
        yield from filled.figures()
        settings = dc.settings(timeout_seconds=PATIENCE_SECONDS)
        yield from measure_syncs(f"domain-{people}", directory=settings)
        with server_directory("polls") as folder:
            yield from asyncio.run(_polls(dc, folder, scale))
        memory = Rounds(f"turn-{people}-controller", "MiB")
        memory.add(ours.NAME, sum(map(rss_kib, dc.processes)) / 1024)
        yield from memory.figures()


class _Reader:
    """One reader with records of its own, which remembers between its polls as identity does."""

    def __init__(self, directory: ActiveDirectory, records: Records) -> None:
        self._directory = directory
        self._records = records

    async def poll(self) -> tuple[float, int]:
        """Seconds, and how many accounts were read."""
        began = time.perf_counter()
        turn = MirrorRound(self._records, SystemClock(), MirrorPolicy(), SCOPE)
        async for batch in self._directory.changes(await turn.read_positions()):
            await turn.store(batch)
        return time.perf_counter() - began, turn.accounts_read


@contextlib.asynccontextmanager
async def _reader(dc: DomainController, folder: Path) -> AsyncIterator[_Reader]:
    key_file, url = folder / "polls.key", f"sqlite:///{folder}/handfast.db"
    create_key_file(key_file, now=datetime.now(UTC))
    migrate(url)
    records = open_records(url, FileKeyRing.load(key_file), chain="benchmark")
    section = tomllib.loads(dc.settings(timeout_seconds=PATIENCE_SECONDS))["directory"]
    directory = open_directory(DirectorySettings.model_validate(section))
    await records.start()
    try:
        yield _Reader(directory, records)
    finally:
        await directory.close()
        await records.close()


async def _polls(dc: DomainController, folder: Path, scale: Scale) -> list[Figure]:
    people = scale.large_domain_people
    changed = min(CHANGED, people)

    def rename(count: int) -> Callable[[int], str]:
        return lambda round_: "".join(
            _rename(number, f"Round {round_} of {count}") for number in range(count)
        )

    def delete(round_: int) -> str:
        return line("dn", person_dn(people - 1 - round_)) + "changetype: delete\n\n"

    def regroup(round_: int) -> str:
        where = line("dn", group_dn(f"Team {TEAMS - 1 - round_}")) + "changetype: modify\nadd: member\n"
        return where + line("member", group_dn(NEWCOMERS)) + "\n"

    figures: list[Figure] = []
    async with _reader(dc, folder) as reader:
        await reader.poll()
        # The first poll after a change lists everybody, to compare; for a while the others don't.
        kinds: list[tuple[str, int, Callable[[int], str], int]] = [
            ("compared", 1, rename(1), 1),
            ("unchanged", scale.rounds, lambda _round: "", 0),
            ("changed", scale.rounds, rename(changed), changed),
            ("deleted", scale.rounds, delete, 0),
            ("regrouped", scale.rounds, regroup, 1),
        ]
        for name, count, ldif, least in kinds:
            rounds = Rounds(f"turn-{people}-{name}", "s")
            for number in range(count):
                await asyncio.to_thread(dc.ldbmodify, ldif(number), "--nosync")
                seconds, read = await reader.poll()
                if read < least:
                    raise LoadFailed(f"{name}: {read} accounts were read, which are too few")
                rounds.add(ours.NAME, seconds)
            figures += rounds.figures()
    return figures


def _rename(number: int, name: str) -> str:
    change = line("dn", person_dn(number)) + "changetype: modify\nreplace: displayName\n"
    return change + line("displayName", name) + "\n"
