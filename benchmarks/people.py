"""Made-up people, as what a reading of a directory gives, without any controller."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, SyncPosition
from handfast.identity.records import DirectoryFacts, DirectoryGroup
from tests.servers.samba_domain import DOMAIN, MAIL_DOMAIN, REALM

BATCH = 1_000
"""Accounts in one page of an answer: what controllers give at most. Source: MS-ADTS 3.1.1.3.4.6, MaxPageSize."""
GROUPS = 500
GROUPS_EACH = 12
FIRST_RID = 10_000


def name_of(number: int) -> str:
    """The sAMAccountName of the person with that number."""
    return f"person{number:06}"


class Synthetic:
    """A directory without a controller: `people` accounts, each in some of 500 groups."""

    def __init__(self, people: int) -> None:
        drawn = random.Random(1)
        now = datetime.now(UTC)
        groups = [DirectoryGroup(_sid(number), DOMAIN, f"Group {number}") for number in range(GROUPS)]
        self.accounts = [_account(number, drawn.sample(groups, GROUPS_EACH), now) for number in range(people)]

    async def whole(self) -> AsyncIterator[ChangeBatch]:
        """All of them, as the first reading of a controller."""
        for first in range(0, len(self.accounts), BATCH):
            part = tuple(self.accounts[first : first + BATCH])
            is_last = first + BATCH >= len(self.accounts)
            position = SyncPosition("benchmark", 1) if is_last else None
            yield ChangeBatch(part, is_whole=True, is_last=is_last, position=position)


def _account(number: int, groups: Sequence[DirectoryGroup], now: datetime) -> DirectoryAccount:
    name = name_of(number)
    facts = DirectoryFacts(REALM, now, mail=f"{name}@{MAIL_DOMAIN}")
    sid, upn = _sid(FIRST_RID + number), f"{name}@{REALM.lower()}"
    return DirectoryAccount(sid, name, DOMAIN, upn, f"Person {number}", facts, frozenset(groups))


def _sid(number: int) -> str:
    return f"S-1-5-21-1111111111-2222222222-3333333333-{number + 1000}"
