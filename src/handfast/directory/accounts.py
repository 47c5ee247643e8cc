"""Entries of users into accounts, with what that needs beside the entry: groups, and lockout durations of fine-grained policies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from handfast.directory.account_attributes import Duration, build_account, parse_direct_groups, parse_pso
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry
from handfast.directory.filters import BUILTIN
from handfast.directory.group_graph import GroupGraph, Key, sid_of
from handfast.directory.reading import whole
from handfast.directory.values import parse_duration
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.records import DirectoryGroup
from handfast.protocols.errors import MalformedMessage

AT_A_TIME = 25
"""So many accounts take a millisecond; then whatever else waits for the event loop has its turn."""
BUILTIN_PREFIX = "S-1-5-32-"


def build_directory_group(key: Key, name: str, domain: DomainFacts) -> DirectoryGroup:
    """The group as our records have it."""
    sid = sid_of(key, domain.sid)
    return DirectoryGroup(sid, BUILTIN if sid.startswith(BUILTIN_PREFIX) else domain.netbios_name, name)


class AccountBuilder:
    """For one read of one controller. Names of objects that make no sense, and are therefore nobody's, go to `malformed`."""

    def __init__(
        self,
        link: Link,
        domain: DomainFacts,
        graph: GroupGraph,
        clock: Callable[[], datetime],
        malformed: list[str],
    ) -> None:
        self._malformed = malformed
        self._link = link
        self._domain = domain
        self._graph = graph
        self._clock = clock
        self._durations: dict[str, Duration] = {}
        self._groups: dict[Key, DirectoryGroup] = {}

    async def build(self, entries: Iterable[Entry]) -> tuple[DirectoryAccount, ...]:
        """The accounts of one page."""
        built = []
        for number, entry in enumerate(entries, start=1):
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                built.append(await self._build(entry))
            except MalformedMessage:
                self._malformed.append(entry.dn)
        return tuple(built)

    async def _build(self, entry: Entry) -> DirectoryAccount:
        if entry.ranges:
            entry = await whole(self._link, entry)
        pso = parse_pso(entry)
        if pso and pso not in self._durations:
            self._durations[pso] = await self._lockout_duration(pso)
        keys = self._graph.groups_of(parse_direct_groups(entry, self._domain.sid))
        return build_account(
            entry,
            self._domain,
            frozenset(map(self._group, keys)),
            read_at=self._clock(),
            lockout_duration=self._durations.__getitem__,
        )

    def _group(self, key: Key) -> DirectoryGroup:
        """One object for each group, however many accounts are in it."""
        if key not in self._groups:
            self._groups[key] = build_directory_group(key, self._graph.name(key), self._domain)
        return self._groups[key]

    async def _lockout_duration(self, pso: str) -> Duration:
        """Ordinary users may not read fine-grained policies unless an administrator lets them: then the domain's counts."""
        entry = await self._link.read(pso, ("msDS-LockoutDuration",))
        value = entry.first("msDS-LockoutDuration") if entry else None
        if value is None:
            return self._domain.policy.lockout_duration
        return parse_duration(value, "msDS-LockoutDuration")
