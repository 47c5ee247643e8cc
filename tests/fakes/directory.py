"""A domain in memory with one domain controller: accounts by SID, a USN for each change, changes since any of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, DomainLockout, SyncPosition
from handfast.identity.directory.ports import PasswordVerdict
from handfast.identity.names import fold
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, DirectoryFacts, DirectoryGroup
from tests.fakes.clock import START

DOMAIN_SID = "S-1-5-21-1-2-3"
REALM = "CONTOSO.LAB"
FOR_EVER = datetime.max.replace(tzinfo=UTC)


def sid_of(rid: int) -> str:
    return f"{DOMAIN_SID}-{rid}"


def group(name: str, rid: int = 0) -> DirectoryGroup:
    """A security group of the domain; its RID follows from its name unless one is given."""
    return DirectoryGroup(sid_of(rid or 10_000 + sum(name.encode())), "CONTOSO", name)


def entry(user: str, rid: int, *, now: datetime = START, **changes: Any) -> DirectoryAccount:
    """`CONTOSO\\user` with that RID; `changes` are fields of the account or of its facts."""
    facts = DirectoryFacts(REALM, now, mail=f"{user}@mail.contoso.lab")
    of_facts = {name: changes.pop(name) for name in list(changes) if hasattr(facts, name)}
    account = DirectoryAccount(
        sid_of(rid), user, "CONTOSO", f"{user}@contoso.lab", user.title(), replace(facts, **of_facts)
    )
    return replace(account, **changes)


@dataclass
class FakeDirectory:
    """Fits `identity.directory.ports.Directory`. Set `is_down` to make every call raise `Unavailable`."""

    accounts: dict[str, DirectoryAccount] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    groups: set[DirectoryGroup] = field(default_factory=set)
    """What `find_group` knows."""
    invocation_id: str = "dc1"
    page: int = 100
    is_down: bool = False
    asked_since: list[dict[str, int]] = field(default_factory=list)
    closed: int = 0
    _usn: int = 0
    _changed: dict[str, int] = field(default_factory=dict)
    _rids: Any = field(default_factory=lambda: itertools.count(1101))

    def add(self, user: str, **changes: Any) -> DirectoryAccount:
        """A new object: its RID was never used before."""
        return self.put(entry(user, next(self._rids), **changes))

    def put(self, account: DirectoryAccount) -> DirectoryAccount:
        self.accounts[account.sid] = account
        self._touch(account.sid)
        return account

    def change(self, account: DirectoryAccount, **changes: Any) -> DirectoryAccount:
        """Fields of the account or of its facts."""
        known = self.accounts[account.sid]
        of_facts = {name: changes.pop(name) for name in list(changes) if hasattr(known.facts, name)}
        return self.put(replace(known, facts=replace(known.facts, **of_facts), **changes))

    def delete(self, account: DirectoryAccount) -> None:
        del self.accounts[account.sid]
        self._touch(account.sid)

    def _touch(self, sid: str) -> None:
        self._usn += 1
        self._changed[sid] = self._usn

    async def changes(self, positions: dict[str, int]) -> AsyncIterator[ChangeBatch]:
        if self.is_down:
            raise Unavailable("no domain controller answers")
        self.asked_since.append(dict(positions))
        since = positions.get(self.invocation_id)
        position = SyncPosition(self.invocation_id, self._usn)
        changed = [sid for sid, usn in sorted(self._changed.items(), key=lambda pair: pair[1])]
        if since is not None:
            changed = [sid for sid in changed if self._changed[sid] > since]
        told = [self.accounts[sid] for sid in changed if sid in self.accounts]
        gone = (
            frozenset(sid for sid in changed if sid not in self.accounts)
            if since is not None
            else frozenset()
        )
        pages = [tuple(told[at : at + self.page]) for at in range(0, len(told), self.page)] or [()]
        for number, accounts in enumerate(pages, start=1):
            is_last = number == len(pages)
            yield ChangeBatch(
                accounts,
                gone if is_last else frozenset(),
                is_whole=since is None,
                is_last=is_last,
                position=position if is_last else None,
            )

    async def find_group(self, name: str) -> DirectoryGroup | None:
        self._answer()
        wanted = fold(name)
        return next(
            (one for one in self.groups if wanted in (fold(one.sid), fold(f"{one.domain}\\{one.name}"))), None
        )

    async def find(self, name: str) -> DirectoryAccount | None:
        self._answer()
        wanted = fold(name)
        fitting = [
            one
            for one in self.accounts.values()
            if wanted
            in {
                fold(text)
                for text in (one.upn, one.user, f"{one.domain}\\{one.user}", one.sid, one.facts.mail)
                if text
            }
        ]
        return fitting[0] if len(fitting) == 1 else None

    async def lockout(self, account: Account) -> DomainLockout:
        del account
        self._answer()
        return DomainLockout(5, timedelta(minutes=30), timedelta(minutes=30))

    async def look(self) -> None:
        self._answer()

    async def check_password(self, account: Account, secret: str) -> PasswordVerdict:
        self._answer()
        right = account.sid is not None and secret and self.passwords.get(account.sid) == secret
        return PasswordVerdict.RIGHT if right else PasswordVerdict.WRONG

    async def close(self) -> None:
        self.closed += 1

    def _answer(self) -> None:
        if self.is_down:
            raise Unavailable("no domain controller answers")
