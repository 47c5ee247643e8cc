"""Groups and accounts that rules name and that are none: a misspelt refusal refuses nobody.

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

from handfast.identity.ports import Records, Repositories, Unavailable
from handfast.identity.records import Account, DirectoryGroup
from handfast.identity.subjects import is_sid, names_of_account, names_of_group


class SubjectState(StrEnum):
    """What is known of a group or an account that a rule names."""

    PRESENT = "present"
    """The account is there, or some account is in the group."""
    EMPTY = "empty"
    """The directory has the group, and no account here is in it."""
    MISSING = "missing"
    """The directory has no such security group, or there is no such account here."""
    UNSEEN = "unseen"
    """No account here is in the group, and the directory could not be asked."""


@dataclass(frozen=True, slots=True)
class NamedSubject:
    """A group or an account as the settings write it, and the rules that name it. `key` is the whole name's `rule_key`.

    `holds_back` are those that keep it from something which it has where the rule does not fit: if the name is nobody's,
    whoever was meant is let in further than was meant. By the other rules nobody is let in further.
    """

    name: str
    key: str
    rules: tuple[str, ...]
    holds_back: tuple[str, ...] = ()
    is_group: bool = True
    lets_in: bool = True
    """Some rule or role gives whom it names something; else they only refuse."""


@dataclass(frozen=True, slots=True)
class SubjectFinding:
    """A named group or account, and what there is of it."""

    subject: NamedSubject
    state: SubjectState

    @property
    def is_dangerous(self) -> bool:
        """True where somebody may get in whom a rule was written against."""
        is_unknown = self.state in (SubjectState.MISSING, SubjectState.UNSEEN)
        return is_unknown and bool(self.subject.holds_back)

    @property
    def is_amiss(self) -> bool:
        """True where somebody should look: an empty group that rules refuse is as it should be."""
        is_idle = self.state is SubjectState.EMPTY and not self.subject.holds_back
        return is_idle or self.state in (SubjectState.MISSING, SubjectState.UNSEEN)

    @property
    def is_error(self) -> bool:
        """True where it is dangerous, and certain."""
        return self.is_dangerous and self.state is SubjectState.MISSING


class FindsGroups(Protocol):
    """The part of `identity.directory.ports.Directory` that is asked."""

    async def find_group(self, name: str) -> DirectoryGroup | None: ...


async def find_subjects(
    records: Records, directory: FindsGroups | None, named: Sequence[NamedSubject]
) -> list[SubjectFinding]:
    """What there is of each. Asks the directory for groups that nobody is in. Raises: Unavailable (our records)."""
    if not named:
        return []

    def look(repositories: Repositories) -> set[str]:
        groups = repositories.accounts.list_groups() if any(one.is_group for one in named) else ()
        accounts = [_find_account(repositories, one.key) for one in named if not one.is_group]
        keys = {key for account in accounts if account is not None for key in names_of_account(account)}
        return {*keys, *(name for group in groups for name in names_of_group(group))}

    present, asked = await records.read(look), directory
    found = []
    for subject in named:
        state = await _state_of(subject, present, asked)
        if state is SubjectState.UNSEEN:
            asked = None  # whoever does not answer once is not waited for again
        found.append(SubjectFinding(subject, state))
    return found


def _find_account(repositories: Repositories, key: str) -> Account | None:
    """By the one name that a rule has for it; who is gone was there."""
    if is_sid(key):
        return repositories.accounts.find_by_sid(key)
    domain, backslash, user = key.partition("\\")
    if backslash:
        return repositories.accounts.find_by_domain_user(domain, user)
    return repositories.accounts.find_by_upn(key)


async def _state_of(subject: NamedSubject, present: set[str], directory: FindsGroups | None) -> SubjectState:
    if subject.key in present:
        return SubjectState.PRESENT
    if not subject.is_group:
        return SubjectState.MISSING
    if directory is None:
        return SubjectState.UNSEEN
    try:
        found = await directory.find_group(subject.name)
    except Unavailable:
        return SubjectState.UNSEEN
    is_found = found is not None and subject.key in names_of_group(found)
    return SubjectState.EMPTY if is_found else SubjectState.MISSING


_SAYS = {
    SubjectState.EMPTY: "nobody here is in it",
    SubjectState.MISSING: "the directory has no security group of that name",
    SubjectState.UNSEEN: "nobody here is in it, and the directory could not be asked whether it is there",
}
SPELLING = "compare its spelling with what `handfast directory show` says of a member; a mailing list is no security group"


def describe_finding(finding: SubjectFinding) -> tuple[str, str]:
    """What is wrong, and its remedy, for an administrator."""
    subject = finding.subject
    says = _SAYS[finding.state] if subject.is_group else "no account here is called so"
    what = f"{subject.name}, named by {_listed(subject.rules)}: {says}"
    spelling = SPELLING if subject.is_group else "compare its spelling with `handfast account list`"
    if finding.is_dangerous:
        return f"{what}; {_listed(subject.holds_back)} holds nobody back by it", spelling
    if finding.state is SubjectState.EMPTY:
        return what, "put somebody into it, or take it out of the rule"
    return f"{what}; it {'lets nobody in' if subject.lets_in else 'holds nobody back'}", spelling


def _listed(rules: Iterable[str]) -> str:
    return ", ".join(rules)
