"""What changed in the directory since it was last read: everything once, then by update sequence numbers (USN).

A controller numbers each change it makes to its copy; `uSNChanged` of an object is the number of its last one. Those numbers
are the controller's own, and void once it was restored from a backup: its invocation id is another one then. Six kinds
of change don't raise the number of the account they matter to, and are found otherwise:

- *Membership*: the group changes, not its member. The members that differ, down through nested groups, are read anew. For
  that the members of every group are remembered, and read whole at the first read after a start.
- *Deletion*: where an administrator lets us see deleted objects they are found like any change. Ordinary users don't see
  any: so now and then the accounts there are are listed by SID alone, and compared with those there were.
- *Moves of a container*, into or out of the part that is mirrored: found by the same comparison.
- *Rights* on a container: groups that were hidden are found by the same comparison. Accounts that can't be judged are read
  again now and then, some at a time; so are those that are locked without an end that we may read.
- *Whatever hides `uSNChanged`*: no filter finds it any more. The comparison does: such an account can't be judged, and such a
  group is read again each time.
- *The domain's policy*, on which ends of lockouts and passwords depend: everything is read anew.

An account that is there and can't be judged (`account_attributes`) is told as such, and is not gone.

The read begins with the controller's highest USN, so what changes while it reads is read again the next time.
Source: MS-ADTS 3.1.1.1.9, 3.1.1.5.5 (deletion); DirSync is not used, because it needs the right to read secrets.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from handfast.directory import account_attributes, filters
from handfast.directory.accounts import MAX_DN_TOLD, AccountBuilder, Built
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import DomainFacts, Policy
from handfast.directory.entries import Entry
from handfast.directory.group_graph import GroupGraph, Key, key_of, sid_of
from handfast.directory.reading import read_groups, sees_deleted
from handfast.directory.scope import Scope
from handfast.directory.session import EXTENDED_DN, SHOW_DELETED, NoSuchObject
from handfast.directory.values import parse_sid
from handfast.identity.directory.entries import ChangeBatch, SyncPosition
from handfast.observability.logging import event_log
from handfast.protocols.errors import MalformedMessage

_LOG = event_log("directory")
MAX_NAMES_LOGGED = 10
SIDS_IN_ONE_QUERY = 100
COMPARISON_SHARE = 20
"""Comparing all SIDs takes the controller and us some time; one part in so many of all time is spent so, or more where that
would make the pause longer than it may be.
"""
UNSETTLED_AT_A_TIME = 1_000
"""Accounts read again at once although nothing says that they changed: a second or two. Where that helped some of them the
next ones follow with the next poll, which what did change so never waits for.
"""
PREPARING_PATIENCE = 60
"""Timeouts that working out all memberships may take: it is our own work, and says nothing of the controller."""
PAUSE_SECONDS, PAUSE_SEEING_DELETED_SECONDS = 60.0, 600.0
"""At most, between two comparisons: without them deletions are not seen, or containers that move."""


@dataclass(slots=True)
class Memory:
    """What is remembered of one controller between two reads. `usn` is None while a read is under way.

    `unsettled` are accounts that may change without a change of theirs, those first that were not read again for the longest.
    """

    policy: Policy
    graph: GroupGraph
    usn: int | None = None
    present: set[Key] = field(default_factory=set)
    compared_usn: int = 0
    compare_after: float = 0.0
    ask_after: float = 0.0
    unsettled: dict[Key, None] = field(default_factory=dict)

    def note_read(self, read: Iterable[Key], unsettled: Iterable[Key]) -> None:
        """These were read, and some of them are unsettled."""
        for key in read:
            self.unsettled.pop(key, None)
        self.unsettled.update(dict.fromkeys(unsettled))


def pause_after(seconds: float, *, sees_deleted: bool) -> float:
    """How long to wait after a comparison, or asking again, that took `seconds`."""
    return min(COMPARISON_SHARE * seconds, PAUSE_SEEING_DELETED_SECONDS if sees_deleted else PAUSE_SECONDS)


class ChangeFeed:
    """Reads one domain's changes; one read at a time."""

    def __init__(self, scope: Scope, clock: Callable[[], datetime]) -> None:
        self._scope = scope
        self._clock = clock
        self._memories: dict[str, Memory] = {}

    async def read(self, link: Link, domain: DomainFacts, since: int | None) -> AsyncIterator[ChangeBatch]:
        """The batches for a caller who has stored all up to `since` of this controller's numbers; None: nothing.

        Raises: session.ControllerFailed.
        """
        memory = self._memories.pop(domain.invocation_id, None)
        # Only the controller read last can be read on: another one, meanwhile, may have told what it had not heard of yet, and
        # what the first one said before that must be said again.
        self._memories.clear()
        start = self._start(memory, domain, since)
        work = _Read(link, domain, self._scope, self._clock)
        await work.check_base()
        if memory is None or start is None:
            memory = await work.begin()
            batches = work.everything(memory)
        else:
            batches = work.difference(memory, start)
        async for batch in batches:
            yield batch
        work.tell()
        # Kept before the last batch is: a caller who could not store it comes with an older position, and begins anew.
        memory.usn = domain.root.highest_usn
        self._memories[domain.invocation_id] = memory
        position = SyncPosition(domain.invocation_id, domain.root.highest_usn)
        yield ChangeBatch(is_whole=work.is_whole, is_last=True, position=position)

    def _start(self, memory: Memory | None, domain: DomainFacts, since: int | None) -> int | None:
        """The USN from which on the difference is read; None where everything must be."""
        if memory is None or memory.usn is None or since is None or memory.policy != domain.policy:
            return None
        # Less than remembered: the caller lost what it was given. More than there is: the numbers are void.
        return memory.usn if memory.usn <= since <= domain.root.highest_usn else None


class _Read:
    """One read of one controller."""

    def __init__(self, link: Link, domain: DomainFacts, scope: Scope, clock: Callable[[], datetime]) -> None:
        self.is_whole = False
        self._problems: list[str] = []
        self._nameless_groups: list[str] = []
        self._link = link
        self._domain = domain
        self._scope = scope
        self._clock = clock
        self._naming_context = domain.root.naming_context
        self._base = scope.within(self._naming_context)

    async def check_base(self) -> None:
        """A base that was renamed or hidden from us must not look like one without accounts. Raises: ControllerFailed."""
        if self._scope.base and await self._link.read(self._base, ("objectClass",)) is None:
            raise NoSuchObject(f"{self._link.name}: there is no {self._base}")

    async def begin(self) -> Memory:
        """The groups, from which every account's membership follows."""
        groups = read_groups(self._link, self._domain, self._nameless_groups)
        graph = GroupGraph([group async for group in groups])
        await self._prepare(graph)
        return Memory(self._domain.policy, graph, compared_usn=self._domain.root.highest_usn)

    async def everything(self, memory: Memory) -> AsyncIterator[ChangeBatch]:
        """All accounts, a page a batch."""
        self.is_whole = True
        builder = self._builder(memory)
        async for page in self._accounts(""):
            built = await builder.build(page)
            memory.present |= self._note_read(memory, built)
            yield ChangeBatch(built.accounts, unreadable=built.unreadable, is_whole=True, is_last=False)

    async def difference(self, memory: Memory, start: int) -> AsyncIterator[ChangeBatch]:
        """Accounts that changed after `start`, or whose groups did, and those that are gone."""
        known: set[Key] = set()
        if self._domain.root.highest_usn != start:
            # The groups come first: an account that was put into one that is refused, and only then enabled, must not get in.
            regrouped = await self._changed_memberships(memory, start)
            changed, gone = await self._changed_accounts(start), await self._deleted_accounts(start)
            # Whoever was disabled does not wait for the thousands who are in another group now.
            for some, ended in ((changed, gone), (regrouped - changed - gone, set[Key]())):
                async for batch in self._read_again(memory, some, ended):
                    yield batch
            known = changed | regrouped
        if self._is_comparison_due(memory):
            # Late: in a large domain it takes longer than a poll, and what is known to have changed must not wait for it.
            compared = await self._compare(memory)
            async for batch in self._read_again(memory, compared, set()):
                yield batch
            known |= compared
        if memory.unsettled and time.monotonic() >= memory.ask_after:
            async for batch in self._ask_again(memory, known):
                yield batch

    async def _ask_again(self, memory: Memory, known: set[Key]) -> AsyncIterator[ChangeBatch]:
        """Some of the unsettled accounts, without those that were just read. A lock that ends changes no number."""
        began, told, before = time.monotonic(), len(self._problems), len(memory.unsettled)
        some = set(islice(memory.unsettled, UNSETTLED_AT_A_TIME)) - known
        async for batch in self._read_again(memory, some, set()):
            yield batch
        del self._problems[told:]  # they were told when they were found
        ended = time.monotonic()
        has_helped = len(memory.unsettled) < before
        memory.ask_after = ended if has_helped else ended + pause_after(ended - began, sees_deleted=False)

    def _note_read(self, memory: Memory, built: Built) -> set[Key]:
        """The keys of all that are there."""
        keys = {self._key(sid) for sid in built.sids}
        memory.note_read(keys, map(self._key, built.unsettled))
        return keys

    async def _read_again(
        self, memory: Memory, touched: set[Key], gone: set[Key]
    ) -> AsyncIterator[ChangeBatch]:
        """The touched accounts as they are now; those that are no more, and the gone ones, as gone."""
        await self._prepare(memory.graph)
        builder = self._builder(memory)
        found: set[Key] = set()
        for condition in self._naming(touched - gone):
            async for page in self._accounts(condition):
                built = await builder.build(page)
                found |= self._note_read(memory, built)
                yield ChangeBatch(built.accounts, unreadable=built.unreadable, is_last=False)
        # Whoever changed and is not among the mirrored accounts any more was deleted, or has left them.
        ended = memory.present & ((gone | touched) - found)
        memory.present = (memory.present | found) - ended
        memory.note_read(ended, ())
        if ended:
            yield ChangeBatch(gone=frozenset(sid_of(key, self._domain.sid) for key in ended), is_last=False)

    async def _changed_memberships(self, memory: Memory, start: int) -> set[Key]:
        """Whoever came into a group or left one, and whose groups' names or kinds changed."""
        touched = await self._put_groups(memory, filters.changed_since(start))
        for key in await self._tombstones(filters.both("(objectClass=group)", filters.changed_since(start))):
            touched |= memory.graph.remove(key)
        return self._accounts_among(touched, memory)

    async def _put_groups(self, memory: Memory, condition: str) -> set[Key]:
        """Reads groups; returns to whom they may make a difference."""
        touched: set[Key] = set()
        async for group in read_groups(self._link, self._domain, self._nameless_groups, condition):
            touched |= memory.graph.put(group)
        return touched

    async def _prepare(self, graph: GroupGraph) -> None:
        await self._link.call(lambda _: graph.prepare(), patience=PREPARING_PATIENCE)

    def _accounts_among(self, members: set[Key], memory: Memory) -> set[Key]:
        """Members that may be accounts of ours. Only a filter on groups lets anybody in who was not among the mirrored ones."""
        own: set[Key] = {key for key in members if isinstance(key, int)}
        return own if self._scope.account_filter else own & memory.present

    async def _changed_accounts(self, start: int) -> set[Key]:
        """Every account of the domain that changed, mirrored or not."""
        query = filters.both(filters.USERS, filters.changed_since(start))
        return await self._keys(self._naming_context, query)

    async def _deleted_accounts(self, start: int) -> set[Key]:
        condition = filters.both("(objectClass=user)", filters.changed_since(start))
        return await self._tombstones(condition)

    async def _tombstones(self, condition: str) -> set[Key]:
        """Of deleted objects, as far as we may see any."""
        found: set[Key] = set()
        query = filters.both("(isDeleted=TRUE)", condition)
        pages = self._link.pages(self._naming_context, query, ("objectSid",), controls=[SHOW_DELETED])
        async for page in pages:
            found |= self._sids(page)
        return found

    def _is_comparison_due(self, memory: Memory) -> bool:
        has_moved = memory.compared_usn != self._domain.root.highest_usn
        return has_moved and time.monotonic() >= memory.compare_after

    async def _compare(self, memory: Memory) -> set[Key]:
        """Accounts that came or went, or whose groups did, without any change of their own that is told."""
        began = time.monotonic()
        touched: set[Key] = set()
        there, unnumbered = await self._list(self._naming_context, filters.GROUPS)
        for key in memory.graph.keys - there:
            touched |= memory.graph.remove(key)
        for condition in self._naming((there - memory.graph.keys) | unnumbered):
            touched |= await self._put_groups(memory, condition)
        there, unnumbered = await self._list(self._base, self._scope.query())
        memory.compared_usn = self._domain.root.highest_usn
        ended = time.monotonic()
        is_told = await sees_deleted(self._link, self._naming_context)
        memory.compare_after = ended + pause_after(ended - began, sees_deleted=is_told)
        # Who is unsettled is refused already, and asked again anyway.
        hidden = unnumbered - memory.unsettled.keys()
        return self._accounts_among(touched, memory) | (there ^ memory.present) | hidden

    async def _list(self, base: str, query: str) -> tuple[set[Key], set[Key]]:
        """All that are there, and those of them whose changes no filter finds."""
        there: set[Key] = set()
        unnumbered: set[Key] = set()
        async for page in self._link.pages(base, query, ("objectSid", "uSNChanged")):
            there |= self._sids(page)
            unnumbered |= self._sids(entry for entry in page if "usnchanged" not in entry.values)
        return there, unnumbered

    async def _keys(self, base: str, query: str) -> set[Key]:
        found: set[Key] = set()
        async for page in self._link.pages(base, query, ("objectSid",)):
            found |= self._sids(page)
        return found

    def _sids(self, page: Iterable[Entry]) -> set[Key]:
        """Objects whose SID makes no sense are nobody's."""
        found = set()
        for entry in page:
            try:
                found.add(self._key(parse_sid(entry.require("objectSid"))))
            except MalformedMessage:
                continue
        return found

    def _naming(self, keys: Iterable[Key]) -> Iterator[str]:
        """Filters that find these objects, some each."""
        for some in _parts(sorted(keys, key=str), SIDS_IN_ONE_QUERY):
            yield filters.with_sids(sid_of(key, self._domain.sid) for key in some)

    async def _accounts(self, condition: str) -> AsyncIterator[tuple[Entry, ...]]:
        attributes = account_attributes.ATTRIBUTES
        query = self._scope.query(condition)
        async for page in self._link.pages(self._base, query, attributes, controls=[EXTENDED_DN]):
            yield page

    def _builder(self, memory: Memory) -> AccountBuilder:
        return AccountBuilder(self._link, self._domain, memory.graph, self._clock, self._problems)

    def tell(self) -> None:
        """What could not be read, for whoever can mend it."""
        if self._problems:
            few = self._problems[:MAX_NAMES_LOGGED]
            remedy = "let the bind user read all attributes of them; until then they are refused"
            count = len(self._problems)
            _LOG.warning("directory-unreadable-accounts", count=count, objects=few, remedy=remedy)
        if self._nameless_groups:
            few = [name[:MAX_DN_TOLD] for name in self._nameless_groups[:MAX_NAMES_LOGGED]]
            remedy = "let the bind user read their objectSid; until then nobody is in them here"
            count = len(self._nameless_groups)
            _LOG.warning("directory-unreadable-groups", count=count, objects=few, remedy=remedy)

    def _key(self, sid: str) -> Key:
        return key_of(sid, self._domain.sid)


def _parts(keys: Iterable[Key], size: int) -> Iterator[list[Key]]:
    rest = iter(keys)
    while part := list(islice(rest, size)):
        yield part
