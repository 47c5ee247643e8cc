"""What a change of an account's facts or groups amounts to: how it is recorded, and whether it takes something away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handfast.identity.directory.standing import FOR_EVER, DirectoryPolicy, earliest_end
from handfast.identity.records import DirectoryFacts, DirectoryGroup
from handfast.identity.subjects import names_of_group

COMPARED = (
    "realm",
    "is_present",
    "is_enabled",
    "is_delegable",
    "locked_until",
    "expires_at",
    "password_expires_at",
    "mail",
    "password_set_at",
)
"""Facts that are worth a record. A later reading that says the same changes nothing."""
MAX_GROUPS_TOLD = 10
"""Groups named in one audit entry; of more, the number."""


@dataclass(frozen=True, slots=True)
class MirrorPolicy:
    """What mirroring has to know of the settings.

    `watched_groups` are the keys of the groups that rules name, by SID or as `DOMAIN\\name`. A reading by which more than
    `max_missing_percent` of the accounts would be gone is not believed. `takes_domain_passwords` is True where some listener
    does: something may have been granted on one that is then changed.
    """

    watched_groups: frozenset[str] = frozenset()
    refuses_expired_passwords: bool = True
    max_missing_percent: float = 20.0
    takes_domain_passwords: bool = False


def describe_changes(before: DirectoryFacts, after: DirectoryFacts) -> dict[str, str]:
    """The facts that differ, as `before -> after`; empty where the directory says what it said."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in COMPARED)
    return {name: f"{_shown(old)} -> {_shown(new)}" for name, old, new in pairs if old != new}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return "for ever" if value == FOR_EVER else value.isoformat(timespec="seconds")
    return str(value or "-")


def takes_something_away(
    before: DirectoryFacts, after: DirectoryFacts, policy: MirrorPolicy, now: datetime
) -> bool:
    """True where something granted on the facts before must not live on."""
    flags = ("is_present", "is_enabled", "is_delegable")
    if any(getattr(before, flag) and not getattr(after, flag) for flag in flags):
        return True
    if before.realm != after.realm:
        return True
    if after.locked_until is not None and now < after.locked_until != before.locked_until:
        return True
    if policy.takes_domain_passwords and _is_password_changed(before, after):
        return True
    standing = DirectoryPolicy(refuses_expired_passwords=policy.refuses_expired_passwords)
    old_end, new_end = earliest_end(before, standing), earliest_end(after, standing)
    return new_end is not None and (old_end is None or new_end < old_end)


def _is_password_changed(before: DirectoryFacts, after: DirectoryFacts) -> bool:
    return before.password_set_at is not None and before.password_set_at != after.password_set_at


def is_learned(before: DirectoryFacts, changes: dict[str, str]) -> bool:
    """True where nothing changed but what an earlier version did not mirror: that is no news of the directory's."""
    return before.password_set_at is None and changes.keys() == {"password_set_at"}


def touches_watched(
    policy: MirrorPolicy, before: frozenset[DirectoryGroup], after: frozenset[DirectoryGroup]
) -> bool:
    """True where a group came or went that some rule names; one that is called otherwise is still there by its SID."""
    return not policy.watched_groups.isdisjoint(_names_of(before) ^ _names_of(after))


def _names_of(groups: frozenset[DirectoryGroup]) -> frozenset[str]:
    return frozenset(name for group in groups for name in names_of_group(group))


def describe_regrouping(
    before: frozenset[DirectoryGroup], after: frozenset[DirectoryGroup]
) -> dict[str, str]:
    """Groups that were won and lost, by SID; empty where only names of groups changed."""
    old, new = {group.sid: group for group in before}, {group.sid: group for group in after}
    won = [group for sid, group in new.items() if sid not in old]
    lost = [group for sid, group in old.items() if sid not in new]
    return {name: _listed(groups) for name, groups in (("won", won), ("lost", lost)) if groups}


def _listed(groups: list[DirectoryGroup]) -> str:
    names = sorted(f"{group.domain}\\{group.name}" if group.name else group.sid for group in groups)
    more = len(names) - MAX_GROUPS_TOLD
    return ", ".join(names[:MAX_GROUPS_TOLD]) + (f" and {more} more" if more > 0 else "")
