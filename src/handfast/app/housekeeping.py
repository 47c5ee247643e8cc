"""What identity does beside deciding: sweep what has ended, store what waits, sign checkpoints, count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from handfast.decision.alarm_desk import AlarmDesk
from handfast.identity.audit import AuditEvent
from handfast.identity.checkpoints import encode_checkpoint, issue_checkpoint
from handfast.identity.ports import Clock, KeyRing, Records, Unavailable
from handfast.identity.recent_evaluations import RecentEvaluations
from handfast.observability import metrics
from handfast.observability.logging import event_log
from handfast.storage.checkpoint_file import CheckpointFile

FLUSH_SECONDS = 1.0
SWEEP_SECONDS = 300.0
COUNTERS_KEPT = timedelta(days=1)
"""Longer than any lockout window."""

_LOG = event_log("identity")


async def repeat(every_seconds: float, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Does `work` for ever; what fails is logged and tried again at its next turn."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await work()
        except Unavailable as problem:
            _LOG.warning("housekeeping-postponed", work=name, why=str(problem))
        except Exception as error:  # noqa: BLE001 - one failure must not end the sweep for good
            _LOG.error("housekeeping-failed", work=name, error=repr(error))


class Checkpoints:
    """Signs the head of this process's chain whenever it has grown, into the log and a file outside the database."""

    def __init__(
        self, records: Records, keyring: KeyRing, chain: str, clock: Clock, file: CheckpointFile | None
    ) -> None:
        self._records = records
        self._keyring = keyring
        self._chain = chain
        self._clock = clock
        self._file = file
        self._signed = 0

    async def sign(self) -> None:
        """One checkpoint, or nothing where the chain did not grow. Raises: Unavailable."""
        head = await self._records.read(lambda records: records.audit.head(self._chain))
        if head is None or head[0] <= self._signed:
            return
        checkpoint = issue_checkpoint(self._keyring, self._chain, head[0], head[1], self._clock.now())
        _LOG.info("audit-checkpoint", checkpoint=encode_checkpoint(checkpoint))
        if self._file is not None:
            await asyncio.to_thread(self._file.append, checkpoint)
        self._signed = head[0]


class Sweeper:
    """Removes what has ended from the records."""

    def __init__(self, records: Records, clock: Clock, evaluations_kept: timedelta) -> None:
        self._records = records
        self._clock = clock
        self._evaluations_kept = evaluations_kept

    async def sweep(self) -> None:
        """One round, each kind in a transaction of its own. Raises: Unavailable."""
        now = self._clock.now()
        await self._records.write(
            lambda records: records.evaluations.sweep(before=now - self._evaluations_kept)
        )
        await self._records.write(lambda records: records.counters.sweep(before=now - COUNTERS_KEPT))


async def tell_unlisted_alarms(alarms: AlarmDesk, *, at_once: bool = False) -> None:
    """Says once an hour how many alarms of gateways the audit trail has in numbers alone. Raises: Unavailable."""
    findings = await alarms.tell_unlisted(at_once=at_once)
    if findings:
        metrics.ALARMS.labels("answers-unlisted").inc()
        _LOG.warning("answers-unlisted", findings=findings, see=AuditEvent.ANSWERS_UNLISTED.value)


async def flush_evaluations(recent: RecentEvaluations, records: Records) -> None:
    """Stores some of the refusals that wait in memory, so that `explain` finds them later. Raises: Unavailable."""
    await recent.flush(records)
