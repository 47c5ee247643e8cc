"""A domain that counts wrong passwords and locks as Active Directory does (MS-SAMR 3.1.1.7.1), in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable, PasswordVerdict
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, DirectoryFacts, DirectoryGroup
from tests.fakes.clock import SettableClock

SID = "S-1-5-21-1-2-3-"
FIVE_IN_30 = DomainLockout(5, timedelta(minutes=30), timedelta(minutes=30))


@dataclass
class FakeDomain:
    """Fits `identity.directory.ports.Directory`; `passwords` by user name, `verdicts` override what is said of a right one.

    It answers after `takes_seconds`, and nobody answers while it `is_down`: that shows after as long. With
    `is_unreadable` passwords alone are answered, as where our own account may not sign in. Who is `renamed` has another
    name there than our records say. Its clock is `ahead` of ours.
    """

    clock: SettableClock
    policy: DomainLockout = FIVE_IN_30
    passwords: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, PasswordVerdict] = field(default_factory=dict)
    attempts: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0
    bad: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    renamed: set[str] = field(default_factory=set)
    is_down: bool = False
    is_unreadable: bool = False
    takes_seconds: float = 0.0
    ahead: timedelta = timedelta(0)
    on_check: Callable[[], object] | None = None

    def bad_count(self, user: str) -> int:
        """`badPwdCount`."""
        return self.bad.get(user, (0, None))[0]

    async def lockout(self, account: Account) -> DomainLockout:
        self._read()
        if account.user in self.unreadable:
            raise LockoutUnreadable("its policy can't be read")
        return replace(self.policy, at=self.clock.now() + self.ahead)

    async def look(self) -> None:
        self.looks += 1
        await asyncio.sleep(0)
        self._read()
        self.clock.advance(seconds=self.takes_seconds)

    def _read(self) -> None:
        """What our own account asks."""
        if self.is_down:
            self.clock.advance(seconds=self.takes_seconds)
            raise Unavailable("no domain controller answers")
        if self.is_unreadable:
            raise Unavailable("dc1 refuses svc-read: the user name or password is wrong")

    async def check_password(self, account: Account, secret: str) -> PasswordVerdict:
        if not secret or "\0" in secret:
            return PasswordVerdict.NOT_SENT
        if self.is_down:
            self._read()
        if account.user in self.renamed:
            return PasswordVerdict.NOT_SENT
        if self.on_check is not None:
            self.on_check()
        user = account.user
        self.attempts.append((user, secret))
        self.clock.advance(seconds=self.takes_seconds)
        now = self.clock.now() + self.ahead
        if user in self.locked:
            return PasswordVerdict.LOCKED
        if self.passwords.get(user) == secret:
            self.bad.pop(user, None)
            return self.verdicts.get(user, PasswordVerdict.RIGHT)
        count, last = self.bad.get(user, (0, now))
        count = count + 1 if now - last < self.policy.window else 1
        self.bad[user] = (count, now)
        if self.policy.threshold and count >= self.policy.threshold:
            self.locked.add(user)
        return PasswordVerdict.WRONG

    async def find(self, name: str) -> DirectoryAccount | None:
        raise NotImplementedError(name)

    async def find_group(self, name: str) -> DirectoryGroup | None:
        raise NotImplementedError(name)

    async def changes(self, positions: dict[str, int]) -> AsyncIterator[ChangeBatch]:
        raise NotImplementedError(positions)
        yield ChangeBatch()


def facts_at(now: datetime, **more) -> DirectoryFacts:
    """What the directory says of an account that stands well."""
    return DirectoryFacts("CONTOSO.LAB", now, **more)


async def mirror(records, user: str, now: datetime, *groups: str, number: int = 1000, **facts) -> Account:
    """An account as the mirror keeps it, in groups by their names."""

    def work(repositories):
        accounts = repositories.accounts
        account = accounts.add(
            user=user,
            domain="CONTOSO",
            upn=f"{user}@contoso.lab",
            display_name=user.title(),
            now=now,
            sid=f"{SID}{number}",
            directory=facts_at(now, **facts),
        )
        accounts.set_groups(account.id, frozenset(group(name) for name in groups))
        return accounts.find(account.id)

    return await records.write(work)


def group(name: str) -> DirectoryGroup:
    """A group of the domain; its SID follows from its name."""
    return DirectoryGroup(f"{SID}{sum(name.encode())}", "CONTOSO", name)


def without_names(found: DirectoryGroup) -> DirectoryGroup:
    """A group of which only the SID is known."""
    return replace(found, domain="", name="")
