"""Who is in which group through which others: the same answer as the domain controller's `tokenGroups`, from the groups alone.

Asking a controller for each account's tokenGroups takes one search an account, and the right to read it. The groups with their
members are few in comparison; what remains is a closure over them. Only security groups count, and nothing is inherited
through any other group. Source: MS-ADTS 3.1.1.4.5.19.

A key is the last part of a SID of our own domain (its RID, an int), or the whole SID of any other (str): a million
memberships then take 4 MB.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Key = int | str

_MAX_RID = 0xFFFF_FFFF
_SHARDS = 256
"""Sorting a list lets nobody else run meanwhile, so many short ones are sorted."""
MAX_CHANGED = 64
"""Groups that changed are looked into one by one, until they are so many that all memberships are worked out anew."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group; its members are users and groups alike, those of our own domain sorted."""

    key: Key
    name: str
    is_security: bool
    own_members: array[int]
    foreign_members: frozenset[str]

    @property
    def members(self) -> set[Key]:
        """All of them."""
        return {*self.own_members, *self.foreign_members}

    def names(self, member: Key) -> bool:
        """Whether it is a member of its own."""
        if isinstance(member, str):
            return member in self.foreign_members
        at = bisect_left(self.own_members, member)
        return at < len(self.own_members) and self.own_members[at] == member


def key_of(sid: str, domain_sid: str) -> Key:
    """How the SID is kept."""
    prefix, _, rid = sid.rpartition("-")
    return int(rid) if prefix == domain_sid and int(rid) <= _MAX_RID else sid


def sid_of(key: Key, domain_sid: str) -> str:
    """The SID of a key."""
    return f"{domain_sid}-{key}" if isinstance(key, int) else key


def enlarge_group(group: Group, members: Iterable[Key]) -> Group:
    """The group with further members."""
    return build_group(group.key, group.name, group.members.union(members), is_security=group.is_security)


def build_group(key: Key, name: str, members: Iterable[Key], *, is_security: bool) -> Group:
    """A group of members in any order."""
    everyone = set(members)
    own = array("I", sorted(one for one in everyone if isinstance(one, int)))
    return Group(key, name, is_security, own, frozenset(one for one in everyone if isinstance(one, str)))


class _Memberships:
    """Which groups name a member: 8 bytes a membership, sorted by member."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._keys = [group.key for group in groups]
        shards = [array("Q") for _ in range(_SHARDS)]
        for number, group in enumerate(groups):
            for member in group.own_members:
                shards[member % _SHARDS].append(member << 32 | number)
        self._shards = [array("Q", sorted(shard)) for shard in shards]
        self._foreign: dict[str, list[Key]] = {}
        for group in groups:
            for sid in group.foreign_members:
                self._foreign.setdefault(sid, []).append(group.key)

    def naming(self, member: Key) -> Iterator[Key]:
        """The groups."""
        if isinstance(member, str):
            yield from self._foreign.get(member, ())
            return
        pairs = self._shards[member % _SHARDS]
        at = bisect_left(pairs, member << 32)
        while at < len(pairs) and pairs[at] >> 32 == member:
            yield self._keys[pairs[at] & _MAX_RID]
            at += 1


class GroupGraph:
    """All groups of a domain. Loops are ordinary: a group in itself gives nothing more."""

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._groups = {group.key: group for group in groups}
        self._memberships: _Memberships | None = None
        self._changed: set[Key] = set()
        self._closures: dict[frozenset[Key], frozenset[Key]] = {}

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def keys(self) -> set[Key]:
        """Every group's."""
        return set(self._groups)

    def name(self, key: Key) -> str:
        """The group's name; "" where it is unknown."""
        group = self._groups.get(key)
        return group.name if group else ""

    def groups_of(self, direct: Iterable[Key]) -> frozenset[Key]:
        """The security groups that membership in `direct` gives, these included; those unknown are left out."""
        start = frozenset(direct)
        if start not in self._closures:
            self._closures[start] = self._closure(start)
        return self._closures[start]

    def naming(self, member: Key) -> Iterator[Key]:
        """The groups that have it as a member of their own, whatever it says itself."""
        for key in self._prepared().naming(member):
            if key not in self._changed:
                yield key
        for key in self._changed & self._groups.keys():
            if self._groups[key].names(member):
                yield key

    def prepare(self) -> None:
        """Works out who is in which groups: the part that takes long where there are many members, for any thread."""
        if len(self._changed) > MAX_CHANGED:
            self._memberships = None
        self._prepared()

    def put(self, group: Group) -> set[Key]:
        """Takes a new or changed group; returns the members, down to the last, to whom that may make a difference."""
        before = self._groups.get(group.key)
        if before == group:
            return set()
        if before is not None and (before.name, before.is_security) == (group.name, group.is_security):
            touched = before.members ^ group.members
        else:
            touched = group.members | (before.members if before else set())
        self._note_change(group.key)
        self._groups[group.key] = group
        return self._below(touched)

    def remove(self, key: Key) -> set[Key]:
        """Forgets a deleted group; returns who was in it, down to the last."""
        group = self._groups.pop(key, None)
        self._note_change(key)
        return self._below(group.members) if group else set()

    def _note_change(self, key: Key) -> None:
        self._changed.add(key)
        self._closures.clear()

    def _closure(self, start: frozenset[Key]) -> frozenset[Key]:
        found: set[Key] = set()
        waiting = list(start)
        while waiting:
            key = waiting.pop()
            group = self._groups.get(key)
            if key not in found and group is not None and group.is_security:
                found.add(key)
                waiting.extend(self.naming(key))
        return frozenset(found)

    def _prepared(self) -> _Memberships:
        if self._memberships is None:
            self._memberships = _Memberships(list(self._groups.values()))
            self._changed.clear()
        return self._memberships

    def _below(self, keys: set[Key]) -> set[Key]:
        """These, and the members of those of them that are groups."""
        found: set[Key] = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                if key in self._groups:
                    waiting.extend(self._groups[key].members)
        return found - self._groups.keys()
