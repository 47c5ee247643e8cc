"""`python -m benchmarks.mirror_load JSON`: mirrors a directory into empty records, in a process whose memory is nobody else's.

Prints one line of JSON: `first` and `again` are the seconds of a whole reading and of one by which nothing is new, `mib` what
the first one added to the resident memory at its highest, `accounts` how many it read.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.people import Synthetic
from handfast.directory import open_directory
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import ChangeBatch
from handfast.identity.directory.rounds import MirrorRound
from handfast.identity.ports import Records
from handfast.keys.key_file import create_key_file
from handfast.keys.key_ring import FileKeyRing
from handfast.keys.system import SystemClock
from handfast.settings.directory import DirectorySettings
from handfast.storage.migration import migrate
from handfast.storage.opening import open_records

Reading = Callable[[], AsyncIterator[ChangeBatch]]


@dataclass(frozen=True)
class MirrorTask:
    """`people` synthetic accounts, or the domain of the settings `directory` (TOML); into the database at `url`."""

    folder: str
    url: str
    people: int = 0
    directory: str = ""


@dataclass(frozen=True)
class Mirrored:
    """What it took."""

    accounts: int
    first: float
    again: float
    mib: float


async def mirror(task: MirrorTask) -> Mirrored:
    """Both readings."""
    key_file = Path(task.folder) / "mirror.key"
    create_key_file(key_file, now=datetime.now(UTC))
    migrate(task.url)
    records = open_records(task.url, FileKeyRing.load(key_file), chain="benchmark")
    await records.start()
    try:
        if not task.directory:
            return await _mirror(records, Synthetic(task.people).whole)
        settings = tomllib.loads(task.directory)["directory"]
        directory = open_directory(DirectorySettings.model_validate(settings))
        try:
            return await _mirror(records, lambda: directory.changes({}))
        finally:
            await directory.close()
    finally:
        await records.close()


async def _mirror(records: Records, reading: Reading) -> Mirrored:
    _forget_peak()
    before = _status("VmRSS")
    first, accounts = await _read(records, reading)
    grown = _status("VmHWM") - before
    again, _ = await _read(records, reading)
    return Mirrored(accounts, first, again, grown / 1024)


async def _read(records: Records, reading: Reading) -> tuple[float, int]:
    """Seconds, and accounts read."""
    round_ = MirrorRound(records, SystemClock(), MirrorPolicy(), "benchmark")
    began = time.perf_counter()
    async for batch in reading():
        await round_.store(batch)
    return time.perf_counter() - began, round_.accounts_read


def _forget_peak() -> None:
    """Source: proc(5), /proc/pid/clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    """KiB. Source: proc(5), /proc/pid/status."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(mirror(MirrorTask(**json.loads(sys.argv[1])))))))
