"""Groups that rules name and that are none: a misspelt refusal refuses nobody.

Rules decide on the mirror, which knows a group by its members alone. So a group that nobody is in may be empty, or not
there at all; the directory is asked which, where it can be. Nothing here decides on anybody: a rule that named no group
cannot be told from one that names an empty one at a sign-in, and shutting everybody out because some group has lost its
last member, or its name, would hand whoever may edit groups a switch for all mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from handfast.identity.names import fold
from handfast.identity.ports import Records, Unavailable
from handfast.identity.records import DirectoryGroup
from handfast.identity.subjects import names_of_group


class GroupState(StrEnum):
    """What is known of a group that a rule names."""

    PEOPLED = "peopled"
    """Some account here is in it."""
    EMPTY = "empty"
    """The directory has it, and no account here is in it."""
    MISSING = "missing"
    """The directory has no security group of that name or SID."""
    UNSEEN = "unseen"
    """No account here is in it, and the directory could not be asked."""


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """A group as the settings write it, and the rules that name it.

    `holds_back` are those that keep its members from something which they have where the rule does not fit them: if the
    group is none, its people are let in further than was meant. By the other rules they are let in no further.
    """

    name: str
    rules: tuple[str, ...]
    holds_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupFinding:
    """A named group, and what there is of it."""

    group: NamedGroup
    state: GroupState

    @property
    def is_dangerous(self) -> bool:
        """True where somebody may get in whom a rule was written against."""
        return bool(self.group.holds_back) and self.state in (GroupState.MISSING, GroupState.UNSEEN)

    @property
    def is_amiss(self) -> bool:
        """True where somebody should look: an empty group that rules refuse is as it should be."""
        is_idle = self.state is GroupState.EMPTY and not self.group.holds_back
        return is_idle or self.state in (GroupState.MISSING, GroupState.UNSEEN)


class FindsGroups(Protocol):
    """The part of `identity.directory.ports.Directory` that is asked."""

    async def find_group(self, name: str) -> DirectoryGroup | None: ...


async def find_groups(
    records: Records, directory: FindsGroups | None, named: Sequence[NamedGroup]
) -> list[GroupFinding]:
    """What there is of each. Asks the directory for those that nobody is in. Raises: Unavailable (our records)."""
    if not named:
        return []
    peopled = await records.read(lambda repositories: repositories.accounts.list_groups())
    names = {name for group in peopled for name in names_of_group(group)}
    return [GroupFinding(one, await _state_of(one, names, directory)) for one in named]


async def _state_of(group: NamedGroup, peopled: set[str], directory: FindsGroups | None) -> GroupState:
    if fold(group.name) in peopled:
        return GroupState.PEOPLED
    if directory is None:
        return GroupState.UNSEEN
    try:
        found = await directory.find_group(group.name)
    except Unavailable:
        return GroupState.UNSEEN
    if found is None or fold(group.name) not in names_of_group(found):
        return GroupState.MISSING
    return GroupState.EMPTY


_SAYS = {
    GroupState.EMPTY: "nobody here is in it",
    GroupState.MISSING: "the directory has no security group of that name",
    GroupState.UNSEEN: "nobody here is in it, and the directory could not be asked whether it is there",
}
SPELLING = "compare its spelling with what `handfast directory show` says of a member; a mailing list is no security group"


def describe_finding(finding: GroupFinding) -> tuple[str, str]:
    """What is wrong, and its remedy, for an administrator."""
    group = finding.group
    what = f"{group.name}, named by {_listed(group.rules)}: {_SAYS[finding.state]}"
    if finding.is_dangerous:
        return f"{what}; {_listed(group.holds_back)} holds nobody back by it", SPELLING
    if finding.state is GroupState.EMPTY:
        return what, "put somebody into it, or take it out of the rule"
    return f"{what}; it lets nobody in", SPELLING


def _listed(rules: Iterable[str]) -> str:
    return ", ".join(rules)
