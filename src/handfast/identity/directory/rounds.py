"""One reading of the directory, stored batch by batch in transactions that are short however many accounts there are.

A domain controller that answers with next to nothing (rights taken away, a wrong base, a half-restored database) must
not delete everybody: above a share that no ordinary day reaches, accounts that are missing or said to be gone are kept,
and the reading does not count. The mirror then ages, and is refused once it is too old, until a person has looked.
Whatever else the reading says is stored all the same: nobody's being disabled waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import TypeVar

from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, Readership, SyncPosition
from handfast.identity.directory.mirroring import (
    claim_free_names,
    find_free_names,
    mirror_accounts,
    mirror_gone,
    mirror_unreadable,
)
from handfast.identity.directory.news import find_news
from handfast.identity.directory.readership import check_readership
from handfast.identity.directory.unit_of_work import MirrorReport
from handfast.identity.ports import Clock, Conflict, Records, Repositories

T = TypeVar("T")

CHUNK = 100
"""Accounts a transaction: sign-ins wait for one of them at most, some tens of milliseconds."""
FEW_MISSING = 20
"""So many may go in one reading, whatever share of all they are."""


class TooManyMissing(Exception):
    """A reading lacks so many accounts that it is not believed. All else that it says is stored.

    `mirrored` is how many there were before, `withheld` are the SIDs that are kept, `position` is where the reading ended:
    one that goes on from there needs all three.
    """

    def __init__(
        self,
        missing: int,
        mirrored: int,
        withheld: frozenset[str] = frozenset(),
        position: SyncPosition | None = None,
    ) -> None:
        super().__init__(f"{missing} of {mirrored} accounts would be gone by one reading of the directory")
        self.missing = missing
        self.mirrored = mirrored
        self.withheld = withheld
        self.position = position


def are_too_many(some: int, mirrored: int, max_percent: float) -> bool:
    """True where no ordinary day reaches so many of all accounts that are mirrored."""
    return some > FEW_MISSING and some * 100 > mirrored * max_percent


class MirrorRound:
    """Stores what one call of `Directory.changes` gives. `scope` says what of the directory is mirrored.

    With a `readership` nothing is stored once another identity reads: ReadershipLost is raised then. `before` is what became
    of the reading on which this one goes on, where that was not believed. `unreadable` are the SIDs of accounts that can't be
    judged, which this reading brings up to date.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        policy: MirrorPolicy,
        scope: str,
        readership: Readership | None = None,
        before: TooManyMissing | None = None,
        unreadable: set[str] | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy
        self._scope = scope
        self._readership = readership
        self._began_at = clock.now()
        self._named: set[str] = set()
        self._withheld = set(before.withheld) if before else set[str]()
        self._gone = set(self._withheld)
        self._mirrored_before = before.mirrored if before else None
        self._unreadable = set[str]() if unreadable is None else unreadable
        self.report = MirrorReport()
        self.accounts_read = 0

    async def read_positions(self) -> dict[str, int]:
        """Where the reading before this one ended. Raises: Unavailable."""
        return await self._records.read(lambda repositories: repositories.positions.list(self._scope))

    async def store(self, batch: ChangeBatch) -> None:
        """Raises: Unavailable; with the last batch TooManyMissing (then the reading's position is not kept)."""
        await self._note_named(batch)
        self.accounts_read += len(batch.accounts)
        for chunk in _chunks(batch.accounts):
            await self._store_accounts(chunk)
        for sids in _chunks(sorted(batch.unreadable)):
            await self._store_unreadable(sids)
        if batch.gone:
            await self._remove(batch.gone)
        if batch.is_last:
            await self._finish(batch)

    async def _note_named(self, batch: ChangeBatch) -> None:
        readable = {account.sid for account in batch.accounts}
        there = batch.unreadable | readable
        self._unreadable |= batch.unreadable
        self._unreadable -= batch.gone | readable
        self._gone -= there
        self._withheld -= there
        if batch.is_whole:
            await self._count_mirrored()
            self._named |= there

    async def _count_mirrored(self) -> int:
        """How many there were when this was first asked: those that the reading adds don't make up for missing ones."""
        if self._mirrored_before is None:
            self._mirrored_before = len(await self._list_mirrored())
        return self._mirrored_before

    async def _store_accounts(self, chunk: Sequence[DirectoryAccount]) -> None:
        news = await self._records.read(lambda repositories: find_news(repositories, chunk))
        if not news:
            return
        try:
            await self._mirror(news)
        except (ValueError, LookupError, Conflict):
            # What one account has that no record can hold must not keep the others from being mirrored.
            for entry in news:
                await self._store_alone(entry)

    async def _store_alone(self, entry: DirectoryAccount) -> None:
        try:
            await self._mirror([entry])
        except (ValueError, LookupError, Conflict) as error:
            self.report.unfit.append(f"{entry.sid}: {error}")
            # What is stored of it may be good news that is over.
            await self._store_unreadable([entry.sid])

    async def _mirror(self, entries: Sequence[DirectoryAccount]) -> None:
        now = self._clock.now()
        self.report.add(
            await self._write(lambda repositories: mirror_accounts(repositories, entries, self._policy, now))
        )

    async def _store_gone(self, sids: Sequence[str]) -> None:
        now = self._clock.now()
        self.report.add(await self._write(lambda repositories: mirror_gone(repositories, sids, now)))

    async def _store_unreadable(self, sids: Sequence[str]) -> None:
        """They are told again and again: nothing is written for those that are refused already."""
        now = self._clock.now()
        known = await self._records.read(lambda repositories: repositories.accounts.find_by_sids(sids))
        if any(one.directory and one.directory.is_present and one.directory.is_enabled for one in known):
            self.report.add(
                await self._write(lambda repositories: mirror_unreadable(repositories, sids, now))
            )

    async def _finish(self, batch: ChangeBatch) -> None:
        if batch.is_whole:
            self._unreadable &= self._named
        await self._remove(await self._find_missing(is_whole=batch.is_whole))
        await self._claim_free_names()
        position = batch.position
        if self._withheld:
            mirrored = await self._count_mirrored()
            raise TooManyMissing(len(self._gone), mirrored, frozenset(self._withheld), position)
        if position is not None:
            await self._write(
                lambda repositories: repositories.positions.save(
                    position, scope=self._scope, read_at=self._began_at
                )
            )

    async def _find_missing(self, *, is_whole: bool) -> set[str]:
        """Of a whole reading, all that it did not name. Whoever is mirrored no longer is not withheld any more."""
        if not is_whole and not self._withheld:
            return set()
        mirrored = set(await self._list_mirrored())
        # Another account has come with the name, or an administrator removed the row: nobody's word is needed for these now.
        settled = self._withheld - mirrored
        self._withheld -= settled
        self._gone -= settled
        return mirrored - self._named if is_whole else set()

    async def _claim_free_names(self) -> None:
        """Found outside the writer, whatever thousands wait for: most of them in vain, for as long as the directory has it so."""
        now = self._clock.now()
        free, kept = await self._records.read(lambda repositories: find_free_names(repositories, now))
        self.report.add(kept)
        for chunk in _chunks(free):
            await self._claim(chunk)

    async def _claim(self, sids: Sequence[str]) -> None:
        now = self._clock.now()
        self.report.add(
            await self._write(lambda repositories: claim_free_names(repositories, sids, self._policy, now))
        )

    async def _remove(self, sids: AbstractSet[str]) -> None:
        """These, and those withheld before; all of them are kept where the reading lacks too many."""
        self._gone |= sids
        self._withheld |= sids
        if len(self._gone) > FEW_MISSING:
            mirrored = await self._count_mirrored()
            if are_too_many(len(self._gone), mirrored, self._policy.max_missing_percent):
                return
        for gone in _chunks(sorted(self._withheld)):
            await self._store_gone(gone)
        self._withheld.clear()

    async def _write(self, work: Callable[[Repositories], T]) -> T:
        mine = self._readership

        def checked(repositories: Repositories) -> T:
            if mine is not None:
                check_readership(repositories, mine)
            return work(repositories)

        return await self._records.write(checked)

    async def _list_mirrored(self) -> list[str]:
        pairs = await self._records.read(lambda repositories: repositories.accounts.list_mirrored())
        return [sid for sid, _ in pairs]


def _chunks(items: Sequence[T]) -> Iterator[list[T]]:
    """In order, at most `CHUNK` each."""
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
