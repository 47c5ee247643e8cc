"""Entries of users into accounts, with what that needs beside the entry: groups, and lockout durations of fine-grained policies.

An entry that makes no sense costs its own account alone: it is there, and can't be judged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from handfast.directory.account_attributes import Duration, build_account, parse_direct_groups, parse_pso
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry
from handfast.directory.filters import BUILTIN
from handfast.directory.group_graph import GroupGraph, Key, key_of, sid_of
from handfast.directory.reading import read_rest
from handfast.directory.values import FOREVER, parse_duration, parse_sid
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.records import DirectoryGroup
from handfast.protocols.errors import MalformedMessage

AT_A_TIME = 25
"""So many accounts take a millisecond; then whatever else waits for the event loop has its turn."""
MAX_DN_TOLD = 300
BUILTIN_PREFIX = "S-1-5-32-"


def told_of(dn: str, problem: MalformedMessage) -> str:
    """For the log: which object, as far as its name is not endless, and what is wrong with it."""
    return f"{dn[:MAX_DN_TOLD]}: {problem}"


def build_directory_group(key: Key, name: str, domain: DomainFacts) -> DirectoryGroup:
    """The group as our records have it."""
    sid = sid_of(key, domain.sid)
    return DirectoryGroup(sid, BUILTIN if sid.startswith(BUILTIN_PREFIX) else domain.netbios_name, name)


@dataclass(frozen=True, slots=True)
class Built:
    """The accounts of one page, and the SIDs of those that can't be judged. Who shows no SID is in neither."""

    accounts: tuple[DirectoryAccount, ...]
    unreadable: frozenset[str]

    @property
    def sids(self) -> frozenset[str]:
        """Of all that are there."""
        return self.unreadable.union(account.sid for account in self.accounts)

    @property
    def unsettled(self) -> frozenset[str]:
        """Of those that may change although no change of theirs is told: rights on a container count for all that is in it, and
        when a lock ends may be hidden from us.
        """
        locked = (account.sid for account in self.accounts if account.facts.locked_until == FOREVER)
        return self.unreadable.union(locked)


class AccountBuilder:
    """For one read of one controller. Why an object can't be judged goes to `problems`."""

    def __init__(
        self,
        link: Link,
        domain: DomainFacts,
        graph: GroupGraph,
        clock: Callable[[], datetime],
        problems: list[str],
    ) -> None:
        self._problems = problems
        self._link = link
        self._domain = domain
        self._graph = graph
        self._clock = clock
        self._durations: dict[str, Duration] = {}
        self._policies_asked: set[str] = set()
        self._groups: dict[Key, DirectoryGroup] = {}

    async def build(self, entries: Iterable[Entry]) -> Built:
        """The accounts of one page."""
        built: list[DirectoryAccount] = []
        unreadable: set[str] = set()
        for number, entry in enumerate(entries, start=1):
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                built.append(await self._build(entry))
            except MalformedMessage as malformed:
                self._problems.append(told_of(entry.dn, malformed))
                with contextlib.suppress(MalformedMessage):
                    unreadable.add(parse_sid(entry.require("objectSid")))
        return Built(tuple(built), frozenset(unreadable))

    async def _build(self, entry: Entry) -> DirectoryAccount:
        entry.require("uSNChanged")  # else its next change would never be found
        pso = parse_pso(entry)
        if pso and pso not in self._policies_asked:
            await self._ask_policy(pso)
        # Neither word is enough: who owns the account may hide which groups it is in, who owns a group its members.
        own_key = key_of(parse_sid(entry.require("objectSid")), self._domain.sid)
        direct = parse_direct_groups(entry, self._domain.sid).union(self._graph.naming(own_key))
        for part in entry.ranges:
            direct |= await read_rest(self._link, self._domain, own_key, part)
        keys = self._graph.groups_of(direct)
        return build_account(
            entry,
            self._domain,
            frozenset(map(self._group, keys)),
            read_at=self._clock(),
            lockout_durations=self._durations,
        )

    def _group(self, key: Key) -> DirectoryGroup:
        """One object for each group, however many accounts are in it."""
        if key not in self._groups:
            self._groups[key] = build_directory_group(key, self._graph.name(key), self._domain)
        return self._groups[key]

    async def _ask_policy(self, pso: str) -> None:
        """Ordinary users may not read fine-grained policies unless an administrator lets them: then its duration is not known."""
        self._policies_asked.add(pso)
        entry = await self._link.read(pso, ("msDS-LockoutDuration",))
        if entry is not None:
            with contextlib.suppress(MalformedMessage):
                value = entry.require("msDS-LockoutDuration")
                self._durations[pso] = parse_duration(value, "msDS-LockoutDuration")
