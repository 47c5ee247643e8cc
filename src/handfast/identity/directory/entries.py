"""What a domain controller says: accounts as they stand, and what changed since it was last asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handfast.identity.records import DirectoryFacts, DirectoryGroup


@dataclass(frozen=True, slots=True)
class DirectoryAccount:
    """One user account of the directory. `sid` (S-1-5-21-...) is what it is known by; every name can change.

    `domain` is the NetBIOS name; `upn` the userPrincipalName, or `user@dns.domain` where it has none (MS-ADTS 5.1.1.1.1):
    then it `is_upn_made_up`.
    `groups` are all security groups it is in, nested ones and the primary one as well.
    """

    sid: str
    user: str
    domain: str
    upn: str
    display_name: str
    facts: DirectoryFacts
    groups: frozenset[DirectoryGroup] = frozenset()
    is_upn_made_up: bool = False


@dataclass(frozen=True, slots=True)
class SyncPosition:
    """How far one domain controller's changes were read. Its `invocation_id` changes when it is restored from a backup;
    its USNs mean nothing to any other controller (MS-ADTS 3.1.1.1.9).
    """

    invocation_id: str
    highest_usn: int


@dataclass(frozen=True, slots=True)
class Readership:
    """Which identity reads the directory, of those that share the records: `reader`, until `ends_at` unless it goes on.

    `term` rises each time another one takes it over. `ends_at` is told by the reader's clock, which may be wrong.
    """

    reader: str
    term: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """A part of what changed. `gone` are SIDs of accounts that are deleted or left what is mirrored; `unreadable` those of
    accounts that are there, and can't be judged by what the directory lets us read of them.

    With `is_whole` the batches up to `is_last` name every account there is: what none of them named is gone.
    `position` is to be kept once the last batch is stored.
    """

    accounts: tuple[DirectoryAccount, ...] = ()
    gone: frozenset[str] = frozenset()
    is_whole: bool = False
    is_last: bool = True
    position: SyncPosition | None = None
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DomainLockout:
    """What holds for an account: `threshold` wrong passwords within `window` lock it for `duration`. 0: never; `duration`
    None: until an administrator unlocks. It is the domain's own, or a fine-grained password policy's. `failures` are those
    that the domain counts of the account already, from wherever they came, `at` is the clock of the controller that said so.

    Source: lockoutThreshold, lockOutObservationWindow, lockoutDuration (MS-ADA1 2.1); msDS-LockoutThreshold and the like
    (MS-ADA2); which one holds: MS-SAMR 3.1.1.5.
    """

    threshold: int
    window: timedelta
    duration: timedelta | None
    failures: int = 0
    at: datetime | None = field(default=None, compare=False)
