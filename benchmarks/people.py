"""People of a domain: as LDIF for a domain controller, and as what a reading of one gives, without any controller."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, SyncPosition
from handfast.identity.records import DirectoryFacts, DirectoryGroup
from tests.servers.samba import DomainController
from tests.servers.samba_domain import BASE, DOMAIN, MAIL_DOMAIN, REALM, line

ADDED_AT_ONCE = 1_000
BATCH = 1_000
"""Accounts in one page of an answer: what controllers give at most. Source: MS-ADTS 3.1.1.3.4.6, MaxPageSize."""
GROUPS = 500
GROUPS_EACH = 12
FIRST_RID = 10_000


def name_of(number: int) -> str:
    """The sAMAccountName of the person with that number."""
    return f"person{number:06}"


@contextlib.contextmanager
def domain_of(people: int) -> Iterator[DomainController]:
    """A domain with so many people more than it has anyway. They have no passwords: nobody here uses any, and each would
    cost 30 ms. Adding one takes 6 ms.
    """
    with DomainController() as dc:
        for first in range(0, people, ADDED_AT_ONCE):
            numbers = range(first, min(first + ADDED_AT_ONCE, people))
            dc.ldbmodify("".join(map(build_entry, numbers)), "--nosync")
        yield dc


def build_entry(number: int) -> str:
    """The person with that number, as LDIF that adds it."""
    name = name_of(number)
    values: dict[str, str | int] = {
        "objectClass": "user",
        "sAMAccountName": name,
        "userPrincipalName": f"{name}@{REALM.lower()}",
        "userAccountControl": 0x10200,  # enabled, its password never expires
        "displayName": f"Person {number}",
        "mail": f"{name}@{MAIL_DOMAIN}",
    }
    head = line("dn", f"CN={name},CN=Users,{BASE}") + "changetype: add\n"
    return head + "".join(line(key, value) for key, value in values.items()) + "\n"


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
