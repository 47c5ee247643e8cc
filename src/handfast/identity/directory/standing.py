"""Whether an account may sign in at all at this instant: our own word, and what the directory's facts mean now.

The ends of a lock, an account or a password are instants in the facts, compared with `now` at each decision: nothing
has to happen in the directory, or here, for them to take effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AccountState, DirectoryFacts

FOR_EVER = datetime.max.replace(tzinfo=UTC)
"""The end of a lock that an administrator must end, or whose end is hidden from us."""


class StandingRefusal(StrEnum):
    """Why an account may not sign in, whatever its credential; values are those of `decision.reasons.Reason`."""

    DISABLED = "account-disabled"
    GONE = "account-gone"
    DISABLED_IN_DIRECTORY = "account-disabled-in-directory"
    EXPIRED = "account-expired"
    LOCKED = "account-locked-in-directory"
    PASSWORD_EXPIRED = "domain-password-expired"  # noqa: S105 - the name of a reason
    MIRROR_TOO_OLD = "directory-unavailable"


@dataclass(frozen=True, slots=True)
class DirectoryPolicy:
    """How the mirror is read. `believed_for`: no domain controller need have answered for that long."""

    refuses_expired_passwords: bool = True
    believed_for: timedelta = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Standing:
    """`refusal` None: the account may sign in, until `ends_at` (None: without end) at the latest. `detail` is for
    administrators: since or until when it is refused.
    """

    refusal: StandingRefusal | None = None
    ends_at: datetime | None = None
    detail: str = ""


def read_standing(
    repositories: Repositories, account: Account, policy: DirectoryPolicy, now: datetime
) -> Standing:
    """The account's standing at `now`, by the mirror as it is stored."""
    complete_at = None if account.directory is None else repositories.positions.newest_read_at()
    return judge_standing(account, complete_at, policy, now)


def judge_standing(
    account: Account, complete_at: datetime | None, policy: DirectoryPolicy, now: datetime
) -> Standing:
    """`complete_at` is when the whole mirror was last known to be what the directory has.

    What the directory said against an account counts however old it is; what it said for it, only while it is believed.
    """
    if account.state is not AccountState.ENABLED:
        return Standing(StandingRefusal.DISABLED)
    facts = account.directory
    if facts is None:
        return Standing()
    if not facts.is_present:
        return Standing(StandingRefusal.GONE)
    if not account.is_named:
        return Standing(StandingRefusal.GONE, detail="a local account has its name")
    refusal = _refusal_of(facts, policy, now)
    if refusal is None and not _is_believed(facts, complete_at, policy, now):
        refusal = StandingRefusal.MIRROR_TOO_OLD
    return Standing(refusal, earliest_end(facts, policy), _detail_of(refusal, facts, complete_at))


def _refusal_of(facts: DirectoryFacts, policy: DirectoryPolicy, now: datetime) -> StandingRefusal | None:
    """In the order in which Windows looks (MS-KILE 3.3.5.7.1): what time does not mend comes first."""
    if not facts.is_enabled:
        return StandingRefusal.DISABLED_IN_DIRECTORY
    if facts.expires_at is not None and facts.expires_at <= now:
        return StandingRefusal.EXPIRED
    if facts.locked_until is not None and now < facts.locked_until:
        return StandingRefusal.LOCKED
    ends_at = facts.password_expires_at
    if policy.refuses_expired_passwords and ends_at is not None and ends_at <= now:
        return StandingRefusal.PASSWORD_EXPIRED
    return None


def _is_believed(
    facts: DirectoryFacts, complete_at: datetime | None, policy: DirectoryPolicy, now: datetime
) -> bool:
    """By when the account itself was read last, or the whole mirror known to be right.

    A reading that lies as far ahead as it may lie back was made while the clock was wrong: it proves nothing.
    """
    readings = (facts.read_at, complete_at)
    return any(abs(now - at) <= policy.believed_for for at in readings if at is not None)


def _detail_of(refusal: StandingRefusal | None, facts: DirectoryFacts, complete_at: datetime | None) -> str:
    if refusal is StandingRefusal.LOCKED and facts.locked_until == FOR_EVER:
        return "until the domain says that it ended"
    instants = {
        StandingRefusal.LOCKED: ("until", facts.locked_until),
        StandingRefusal.EXPIRED: ("since", facts.expires_at),
        StandingRefusal.PASSWORD_EXPIRED: ("since", facts.password_expires_at),
        StandingRefusal.MIRROR_TOO_OLD: ("last read", complete_at or facts.read_at),
    }
    word, at = instants.get(refusal, ("", None)) if refusal is not None else ("", None)
    return "" if at is None else f"{word} {at.isoformat(timespec='seconds')}"


def earliest_end(facts: DirectoryFacts, policy: DirectoryPolicy) -> datetime | None:
    """When the first of what has an end is over: the account itself, or its domain password where that matters."""
    password_end = facts.password_expires_at if policy.refuses_expired_passwords else None
    ends = [end for end in (facts.expires_at, password_end) if end is not None]
    return min(ends, default=None)
