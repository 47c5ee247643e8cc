"""Accounts as administrators see them: with what the directory says of them, and how old that is."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from handfast.identity.administration.office import JsonRow, as_json
from handfast.identity.directory.standing import DirectoryPolicy, StandingRefusal, judge_standing
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AccountState

_OF_ANY_AGE = DirectoryPolicy(believed_for=timedelta.max)
_WORDS = {
    None: "good",
    StandingRefusal.GONE: "gone",
    StandingRefusal.DISABLED_IN_DIRECTORY: "disabled",
    StandingRefusal.EXPIRED: "expired",
    StandingRefusal.LOCKED: "locked",
    StandingRefusal.PASSWORD_EXPIRED: "password expired",
}


def account_row(
    account: Account,
    now: datetime,
    complete_at: datetime | None = None,
    unreadable: AbstractSet[str] = frozenset(),
) -> JsonRow:
    """An account as JSON; of the PIN only whether there is one. `complete_at` is when the mirror last was complete, `unreadable`
    are the SIDs of those that are refused because they can't be judged.

    `directory_state` is what the directory's facts mean at `now`, in a word; "" for a local account.
    """
    row = as_json(account, without=frozenset({"pin_verifier", "directory"}))
    row["has_pin"] = account.pin_verifier is not None
    row["directory_state"] = _state_of(account, now, unreadable)
    row["directory"] = None
    if account.directory is not None:
        read_at = max(account.directory.read_at, complete_at or account.directory.read_at)
        row["directory"] = {
            **as_json(account.directory),
            "age_seconds": round((now - read_at).total_seconds(), 1),
        }
    return row


def _state_of(account: Account, now: datetime, unreadable: AbstractSet[str]) -> str:
    """What the directory alone says."""
    if account.directory is None:
        return ""
    if not account.is_named and not account.is_gone:
        return "name taken"
    as_if_enabled = replace(account, state=AccountState.ENABLED)
    refusal = judge_standing(as_if_enabled, None, _OF_ANY_AGE, now).refusal
    if refusal is StandingRefusal.DISABLED_IN_DIRECTORY and account.sid in unreadable:
        return "unreadable"
    return _WORDS[refusal]


def group_names(repositories: Repositories, account: Account) -> list[str]:
    """The directory's groups it is in, as people write them."""
    groups = repositories.accounts.groups_of(account.id)
    return sorted(f"{one.domain}\\{one.name}" if one.name else one.sid for one in groups)
