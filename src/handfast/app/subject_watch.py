"""Says in the log when rules name groups or accounts that are none: at start, after a reload, and when one goes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib

from handfast.decision.named_subjects import SubjectFinding, SubjectState, describe_finding
from handfast.decision.policy_desk import PolicyDesk
from handfast.identity.ports import Records
from handfast.observability.logging import event_log

AGAIN_SECONDS = 600.0
"""A group may be renamed or deleted under a rule's feet."""
SOON_SECONDS = 5.0
"""While the mirror has never been read."""
UNANSWERED_SECONDS = 60.0
"""While no domain controller says what there is, or our records don't."""

_LOG = event_log("access")


class SubjectWatch:
    """Looks now and then; says what is amiss once, until something else is."""

    def __init__(self, policies: PolicyDesk, records: Records) -> None:
        self._policies = policies
        self._records = records
        self._told: frozenset[SubjectFinding] = frozenset()
        self._is_anew = False
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.get_running_loop().create_task(self._keep_looking())

    def look_anew(self) -> None:
        """After a reload: at once, and what is still amiss is said again."""
        self._is_anew = True
        self._asked.set()

    async def stop(self) -> None:
        """Ends in the middle of a look, if need be."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_looking(self) -> None:
        while True:
            self._asked.clear()  # before the look: a reload in its midst asks for another one
            pause = UNANSWERED_SECONDS
            try:
                pause = await self.look()
            except Exception as error:  # noqa: BLE001 - the next look may find what this one could not
                _LOG.warning("access-names-not-looked-at", error=repr(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._asked.wait()

    async def look(self) -> float:
        """One look; the seconds until the next. Raises: Unavailable."""
        if self._policies.has_directory and not await self._is_read():
            return SOON_SECONDS
        told, self._is_anew = (frozenset() if self._is_anew else self._told), False
        found = await self._policies.find_subjects()
        amiss = frozenset(one for one in found if one.is_amiss)
        for one in found:
            if one in amiss - told:
                what, remedy = describe_finding(one)
                say = _LOG.error if one.is_error else _LOG.warning
                say("access-name-unknown", name=one.subject.name, why=what, remedy=remedy)
        self._told = amiss
        is_known = all(one.state is not SubjectState.UNSEEN for one in found)
        return AGAIN_SECONDS if is_known else UNANSWERED_SECONDS

    async def _is_read(self) -> bool:
        """Before the first reading nobody is there yet."""
        newest = await self._records.read(lambda repositories: repositories.positions.newest_read_at())
        return newest is not None
