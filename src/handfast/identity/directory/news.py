"""What of a reading is not stored yet: most of it is, so that nothing is written for it. Reads alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handfast.identity.directory.changes import describe_changes
from handfast.identity.directory.claims import Claim, claim_of
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.names import MAX_NAME_CHARACTERS
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, DirectoryFacts, DirectoryGroup


def find_news(repositories: Repositories, entries: Sequence[DirectoryAccount]) -> list[DirectoryAccount]:
    """The accounts of which something is not stored yet."""
    accounts = {one.sid: one for one in repositories.accounts.find_by_sids(entry.sid for entry in entries)}
    groups = repositories.accounts.groups_of_all(one.id for one in accounts.values())

    def is_news(entry: DirectoryAccount) -> bool:
        account = accounts.get(entry.sid)
        return account is None or _differs(account, groups.get(account.id, frozenset()), entry)

    return [entry for entry in entries if is_news(entry)]


def _differs(account: Account, groups: frozenset[DirectoryGroup], entry: DirectoryAccount) -> bool:
    if account.directory is None or not account.is_named:
        return True
    if _names_of(account) != _names_of(entry) or describe_changes(account.directory, fitting(entry.facts)):
        return True
    return with_known_names(entry.groups, groups) != groups


def _names_of(named: Account | DirectoryAccount) -> tuple[str, str, Claim, str]:
    return named.user, named.domain, claim_of(named), named.display_name


def fitting(facts: DirectoryFacts) -> DirectoryFacts:
    """A mail address that can't be one is none: nobody signs in by it."""
    fits = facts.mail.isprintable() and "\\" not in facts.mail and len(facts.mail) <= MAX_NAME_CHARACTERS
    return facts if fits else replace(facts, mail="")


def with_known_names(
    groups: frozenset[DirectoryGroup], before: frozenset[DirectoryGroup]
) -> frozenset[DirectoryGroup]:
    """A group that comes without a name keeps the one that is known."""
    known = {group.sid: group for group in before}
    return frozenset(group if group.name else known.get(group.sid, group) for group in groups)
