"""Keeps the mirror of the directory: reads what changed every few seconds, for as long as identity runs.

What keeps it from reading (no domain controller, a locked database, a mistake of ours) is logged once and tried again;
meanwhile sign-ins are decided on the mirror as it is, until it is too old to be believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from handfast.app.current_directory import CurrentDirectory
from handfast.app.directory_seat import ReaderSeat
from handfast.app.unreadable_alarm import UnreadableAlarm
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.mirroring import end_accounts
from handfast.identity.directory.readership import ReadershipLost
from handfast.identity.directory.rounds import MirrorRound, TooManyMissing
from handfast.identity.directory.unit_of_work import MirrorReport
from handfast.identity.ports import Clock, Records, Unavailable
from handfast.identity.records import RevocationScope
from handfast.identity.subjects import rule_key
from handfast.observability import metrics
from handfast.observability.logging import event_log
from handfast.settings.directory import DirectorySettings
from handfast.settings.model import Settings

MAX_PAUSE_SECONDS = 30.0
"""Between two attempts while reading fails: a domain that is back is read as soon as a controller's breaker lets us try."""
MAX_DOUBLINGS = 10
SHRUNK_PAUSE_SECONDS = 300.0
"""Between two alarms that readings are not believed. What else changes is read and stored with each poll."""
MAX_NAMES_LOGGED = 20
ENDS_LOOKED_BACK = timedelta(hours=1)
"""How far a start looks back for accounts that ended, where nothing was read before: longer than a request hangs."""

_LOG = event_log("directory")


def build_mirror_policy(settings: Settings) -> MirrorPolicy:
    """What mirroring has to know of the settings."""
    by_access = {rule_key(group) for rule in settings.access for group in rule.groups}
    by_role = {rule_key(group) for rule in settings.roles for group in rule.groups}
    return MirrorPolicy(
        watched_groups=frozenset(by_access | by_role),
        refuses_expired_passwords=settings.directory.refuse_expired_passwords,
        max_missing_percent=settings.directory.max_missing_percent,
        takes_domain_passwords=any(one.domain_password_listeners for one in settings.publications),
    )


def scope_of(directory: DirectorySettings) -> str:
    """What of the directory is mirrored, as one text: where it changes, everything is read anew."""
    return f"{directory.base}|{directory.account_filter}"


class DirectorySync:
    """Two loops: one reads, the other cuts what has ended meanwhile, whether anybody answers or not."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        clock: Clock,
        directory: CurrentDirectory,
        reader: str = "identity",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reader` names this identity among those that share the records."""
        self._settings = settings
        self._records = records
        self._clock = clock
        self._directory = directory
        self._seat = ReaderSeat(records, clock, reader, monotonic)
        self._unreadable = UnreadableAlarm(records, monotonic)
        self._monotonic = monotonic
        self._unbelieved: TooManyMissing | None = None
        self._alarm_after = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._nudged = asyncio.Event()
        self._failures = 0
        self._ended_until: datetime | None = None
        self._unsettled: dict[str, tuple[str, ...]] = {}

    @property
    def unreadable(self) -> AbstractSet[str]:
        """The SIDs of accounts that can't be judged now, while this identity reads; the same set all the time."""
        return self._unreadable.accounts

    def start(self) -> None:
        """Begins to read."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_reading()), loop.create_task(self._keep_ending())]

    async def reload(self, settings: Settings) -> None:
        """Reads by the new settings, at once. Where they name no servers any more, the mirror ages.

        Raises: what is wrong with the new settings; then those before stay.
        """
        if settings.directory != self._settings.directory:
            await self._directory.replace(settings.directory)
            self._unbelieved = None
            self._unreadable.forget()
        self._settings = settings
        self._failures = 0
        self._alarm_after = 0.0
        self._nudged.set()

    async def stop(self) -> None:
        """Ends in the middle of a reading, if need be: the next one begins where the last whole one ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            await self._seat.leave()
        await self._directory.close()

    async def _keep_ending(self) -> None:
        while True:
            try:
                await self.end_accounts()
            except Unavailable as problem:
                _LOG.warning("ended-accounts-postponed", why=str(problem))
            except Exception as error:  # noqa: BLE001 - the next turn does what this one did not
                _LOG.error("ended-accounts-failed", error=repr(error))
            await asyncio.sleep(self._settings.directory.poll_seconds)

    async def _keep_reading(self) -> None:
        while True:
            self._nudged.clear()  # before: whoever asks during the turn may want more than it reads
            pause = await self._turn()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nudged.wait()

    async def _turn(self) -> float:
        """One reading, whatever comes of it; the seconds until the next."""
        try:
            if self._directory.is_named:
                await self.read_once()
        except ReadershipLost:
            _LOG.warning("directory-readership-lost")
        except TooManyMissing as problem:
            await self._tell_shrunk(problem)
            return self._settings.directory.poll_seconds
        except Unavailable as problem:
            return await self._failed("directory-unavailable", str(problem))
        except Exception as error:  # noqa: BLE001 - whatever it was, the mirror must go on
            return await self._failed("directory-reading-failed", repr(error))
        if self._failures:
            _LOG.info("directory-read-again", failures=self._failures)
        self._failures = 0
        self._alarm_after = 0.0
        return self._settings.directory.poll_seconds

    async def _tell_shrunk(self, problem: TooManyMissing) -> None:
        """Now and then. Each time another identity may take over the reading: its controller may know better."""
        now = self._monotonic()
        if now < self._alarm_after:
            return
        self._alarm_after = now + SHRUNK_PAUSE_SECONDS
        await self._seat.leave()
        metrics.ALARMS.labels("directory-shrunk").inc()
        _LOG.error(
            "directory-shrunk",
            missing=problem.missing,
            mirrored=problem.mirrored,
            remedy="may the bind user still read all accounts, and is directory.base right? If the directory is right,"
            " set directory.max_missing_percent = 100, reload, and set it back",
            **await self._age(),
        )

    async def read_once(self) -> None:
        """Stores what changed since the last time, unless another identity reads. Raises: Unavailable, TooManyMissing,
        ReadershipLost.
        """
        poll_seconds = self._settings.directory.poll_seconds
        seat = await self._seat.take(poll_seconds)
        if seat is None:
            await self._note_others_reading()
            return
        scope = scope_of(self._settings.directory)
        policy = build_mirror_policy(self._settings)
        readership, is_new = seat
        before = None if is_new else self._unbelieved
        unreadable = self._unreadable.accounts
        reading = MirrorRound(self._records, self._clock, policy, scope, readership, before, unreadable)
        began_at = self._clock.now()
        # Another controller's word may have been stored since ours was: then all of ours must be said again.
        positions = {} if is_new else await reading.read_positions()
        if before and before.position:
            positions[before.position.invocation_id] = before.position.highest_usn
        batches = self._directory.changes(positions)
        try:
            async with self._seat.kept(poll_seconds):
                async for batch in batches:
                    await reading.store(batch)
        except TooManyMissing as problem:
            self._unbelieved = problem
            self._seat.note_read(readership)  # all but those: the next one may go on from here
            await self._unreadable.tell(policy.max_missing_percent)
            raise
        finally:
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()  # else what it holds of a controller stays taken until it is collected
            self._tell(reading.report, reading.accounts_read)
        self._unbelieved = None
        self._seat.note_read(readership)
        metrics.DIRECTORY_READ.labels("directory").set(began_at.timestamp())
        self._tell_unsettled(reading.report)
        await self._unreadable.tell(policy.max_missing_percent)

    async def _note_others_reading(self) -> None:
        newest = await self._records.read(lambda repositories: repositories.positions.newest_read_at())
        if newest is not None:
            metrics.DIRECTORY_READ.labels("directory").set(newest.timestamp())
        for kind in self._unsettled:
            metrics.DIRECTORY_UNSETTLED.labels(kind).set(0)  # the other one tells of them
        self._unsettled.clear()
        self._unreadable.forget()

    async def end_accounts(self) -> None:
        """What ended since the last time is cut. Raises: Unavailable."""
        policy, now = build_mirror_policy(self._settings), self._clock.now()
        newest = await self._records.read(lambda repositories: repositories.positions.newest_read_at())
        ended_before = self._ended_until or newest or now - ENDS_LOOKED_BACK
        if ended_before >= now:
            # Our clock was ahead, and what ends from now on has not been looked at by a clock that is right.
            self._ended_until = now
            return
        believed_for = timedelta(minutes=self._settings.directory.stale_minutes)
        if newest is not None and ended_before <= newest + believed_for < now:
            await self._end_belief(newest, now)
        if await self._records.read(
            lambda repositories: repositories.accounts.list_ended(after=ended_before, until=now)
        ):
            report = await self._records.write(
                lambda repositories: end_accounts(repositories, policy, after=ended_before, until=now)
            )
            self._tell(report, 0)
        self._ended_until = now

    async def _end_belief(self, newest: datetime, now: datetime) -> None:
        """Whoever hangs in a request is asked anew, as whoever comes is: mirrored accounts are refused from now on."""
        await self._records.write(
            lambda repositories: repositories.revocations.publish(RevocationScope.EVERYTHING, now=now)
        )
        metrics.ALARMS.labels("directory-too-old").inc()
        _LOG.error(
            "directory-too-old",
            last_read=newest.isoformat(timespec="seconds"),
            remedy="accounts of the directory get 503 until a domain controller answers: see `handfast directory check`",
        )

    async def _failed(self, event: str, why: str) -> float:
        """Longer each time, with a line each time: there are not many."""
        self._failures += 1
        await self._seat.leave()  # another identity may reach a controller that we don't
        doublings = min(self._failures - 1, MAX_DOUBLINGS)
        pause = min(self._settings.directory.poll_seconds * float(1 << doublings), MAX_PAUSE_SECONDS)
        pause = max(pause, self._settings.directory.poll_seconds)
        _LOG.warning(event, why=why, failures=self._failures, next_in_seconds=pause, **await self._age())
        return pause

    async def _age(self) -> dict[str, float | None]:
        """How old the mirror is, and how old it may become, in seconds."""
        try:
            newest = await self._records.read(lambda repositories: repositories.positions.newest_read_at())
        except Unavailable:
            return {}
        age = None if newest is None else round((self._clock.now() - newest).total_seconds(), 1)
        return {
            "mirror_age_seconds": age,
            "believed_for_seconds": self._settings.directory.stale_minutes * 60,
        }

    def _tell(self, report: MirrorReport, accounts_read: int) -> None:
        """One line where something changed, and the counts."""
        counts = Counter(event.value.rpartition(":")[2] for event in report.events)
        for change, count in counts.items():
            metrics.DIRECTORY_CHANGES.labels(change).inc(count)
        if counts:
            changes = {change.replace("-", "_"): count for change, count in counts.items()}
            _LOG.info("directory-mirrored", accounts_read=accounts_read, **changes)

    def _tell_unsettled(self, report: MirrorReport) -> None:
        """Accounts that are not mirrored as they are, whenever others are among them than before."""
        remedies = {
            "conflicts": "a local account has the name: `handfast account adopt NAME` gives it to the directory's,"
            " `handfast account remove NAME` removes the local one; of two names in the directory that are one but for"
            " upper and lower case, change one there",
            "contested": "give each of them a userPrincipalName of its own; until then it signs in as DOMAIN\\user",
            "unfit": "rename it in the directory; until then it can't sign in here",
        }
        for kind, remedy in remedies.items():
            now = tuple(sorted(set(getattr(report, kind))))
            if kind == "unfit" and not now:
                continue
            metrics.DIRECTORY_UNSETTLED.labels(kind).set(len(now))
            if now and now != self._unsettled.get(kind):
                _LOG.warning(
                    f"directory-{kind}",
                    count=len(now),
                    accounts=list(now[:MAX_NAMES_LOGGED]),
                    remedy=remedy,
                )
            self._unsettled[kind] = now
