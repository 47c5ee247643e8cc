"""Who is in which group through which others: the same answer as the domain controller's `tokenGroups`, from the groups alone.

Asking a controller for each account's tokenGroups takes one search an account, and the right to read it. The groups with their
members are few in comparison; what remains is a closure over them. Only security groups count, and nothing is inherited
through any other group. Source: MS-ADTS 3.1.1.4.5.19.

A key is the last part of a SID of our own domain (its RID, an int), or the whole SID of any other (str): a million
memberships then take 4 MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

Key = int | str

_MAX_RID = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Group:
    """One group; `members` are users and groups alike, sorted as `pack_members` does."""

    key: Key
    name: str
    is_security: bool
    own_members: array[int]
    foreign_members: frozenset[str]

    @property
    def members(self) -> set[Key]:
        """All of them."""
        return {*self.own_members, *self.foreign_members}


def key_of(sid: str, domain_sid: str) -> Key:
    """How the SID is kept."""
    prefix, _, rid = sid.rpartition("-")
    return int(rid) if prefix == domain_sid and int(rid) <= _MAX_RID else sid


def sid_of(key: Key, domain_sid: str) -> str:
    """The SID of a key."""
    return f"{domain_sid}-{key}" if isinstance(key, int) else key


def build_group(key: Key, name: str, members: Iterable[Key], *, is_security: bool) -> Group:
    """A group of members in any order."""
    everyone = set(members)
    own = array("I", sorted(one for one in everyone if isinstance(one, int)))
    return Group(key, name, is_security, own, frozenset(one for one in everyone if isinstance(one, str)))


class GroupGraph:
    """All groups of a domain. Loops are ordinary: a group in itself gives nothing more."""

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._groups = {group.key: group for group in groups}
        self._parents: dict[Key, set[Key]] | None = None
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

    def prepare(self) -> None:
        """Works out which groups are in which: the part that takes long where there are many members, for any thread."""
        self._parents_of_groups()

    def put(self, group: Group) -> set[Key]:
        """Takes a new or changed group; returns the members, down to the last, to whom that may make a difference."""
        before = self._groups.get(group.key)
        if before is not None and (before.name, before.is_security) == (group.name, group.is_security):
            touched = before.members ^ group.members
        else:
            touched = group.members | (before.members if before else set())
        self._forget_derived()
        self._groups[group.key] = group
        return self._below(touched)

    def remove(self, key: Key) -> set[Key]:
        """Forgets a deleted group; returns who was in it, down to the last."""
        group = self._groups.pop(key, None)
        self._forget_derived()
        return self._below(group.members) if group else set()

    def _forget_derived(self) -> None:
        self._parents = None
        self._closures.clear()

    def _closure(self, start: frozenset[Key]) -> frozenset[Key]:
        parents = self._parents_of_groups()
        found: set[Key] = set()
        waiting = list(start)
        while waiting:
            key = waiting.pop()
            group = self._groups.get(key)
            if key not in found and group is not None and group.is_security:
                found.add(key)
                waiting.extend(parents.get(key, ()))
        return frozenset(found)

    def _parents_of_groups(self) -> dict[Key, set[Key]]:
        if self._parents is None:
            self._parents = {}
            for group in self._groups.values():
                for member in self._groups.keys() & group.members:
                    self._parents.setdefault(member, set()).add(group.key)
        return self._parents

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
