"""A process to be killed: writes audit entries without end, and says each number once it was acknowledged.

Arguments: database URL; "honest", or "early" to be told before the commit, as a careless writer would.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from handfast.identity.audit import AuditEvent
from handfast.storage.opening import open_records
from handfast.storage.writer import Job, Writer
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing


async def write_early(self: Writer, work) -> None:
    """The check taken out: "done" is said when the work is queued."""
    future = asyncio.get_running_loop().create_future()
    self._queue.put_nowait(Job(work, future))
    await asyncio.sleep(0)


def commit_late(self: Writer, batch: list[Job], real=Writer._commit) -> None:
    time.sleep(0.3)
    real(self, batch)


async def main(url: str, manner: str) -> None:
    if manner == "early":
        Writer.write = write_early
        Writer._commit = commit_late
    records = open_records(url, FakeKeyRing(), chain="identity-1", poll_seconds=5.0)
    await records.start()
    for number in range(100_000):
        await records.write(
            lambda r, n=number: r.audit.append(
                AuditEvent.DEVICE_BLOCKED, now=START, actor="uid:0", subject=f"s{n}", details={}
            )
        )
        print(number, flush=True)


asyncio.run(main(*sys.argv[1:]))
