"""Active Directory behind the port `identity.directory.ports.Directory`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial

from handfast.directory.changes import ChangeFeed
from handfast.directory.controllers import Controllers, Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.lookup import find_account, find_group
from handfast.directory.password import check_password, find_dn, is_worth_sending
from handfast.directory.password_settings import read_lockout
from handfast.directory.reading import read_domain
from handfast.directory.scope import Scope
from handfast.identity.directory.entries import ChangeBatch, DirectoryAccount, DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable, PasswordVerdict
from handfast.identity.records import Account, DirectoryGroup

DOMAIN_KEPT_SECONDS = 60.0


class ActiveDirectory:
    """One domain. Passwords are checked over connections, threads and breakers of their own: no flood of sign-ins makes the
    mirror old, and none of what is sent there shares a connection with what we read.
    """

    def __init__(
        self,
        readers: Controllers,
        passwords: Controllers,
        scope: Scope,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self._scope = scope
        self._passwords = passwords
        self._clock = clock
        self._changes = ChangeFeed(scope, clock)
        self._domain: tuple[float, DomainFacts] | None = None

    async def changes(self, positions: dict[str, int]) -> AsyncIterator[ChangeBatch]:
        """As the port says. The first read of a controller after a start is whole. Raises: Unavailable."""
        async with self.readers.first(self.readers.account) as link:
            domain = await read_domain(link)
            since = positions.get(domain.invocation_id)
            async for batch in self._changes.read(link, domain, since):
                yield batch

    async def find_group(self, name: str) -> DirectoryGroup | None:
        """As the port says. Raises: Unavailable."""

        async def look(link: Link) -> DirectoryGroup | None:
            return await find_group(link, await self._domain_of(link), name)

        return await self.readers.ask(look)

    async def find(self, name: str) -> DirectoryAccount | None:
        """As the port says. Raises: Unavailable."""

        async def look(link: Link) -> DirectoryAccount | None:
            return await find_account(link, await self._domain_of(link), self._scope, name, self._clock)

        return await self.readers.ask(look)

    async def _domain_of(self, link: Link) -> DomainFacts:
        """Its names, which are the same wherever one asks; kept for a minute for those who look somebody up."""
        now = time.monotonic()
        if self._domain is None or now - self._domain[0] > DOMAIN_KEPT_SECONDS:
            self._domain = now, await read_domain(link)
        return self._domain[1]

    async def lockout(self, account: Account) -> DomainLockout:
        """As the port says. Raises: LockoutUnreadable, Unavailable."""
        found = await self._passwords.ask(partial(self._read_lockout, sid=account.sid or ""))
        if isinstance(found, str):
            raise LockoutUnreadable(found)
        return found

    async def _read_lockout(self, link: Link, sid: str) -> DomainLockout | str:
        """Why it can't be read is an answer too: the controller is well, and the session goes on."""
        naming_context = (await self._domain_of(link)).root.naming_context
        try:
            return await read_lockout(link, naming_context, sid)
        except LockoutUnreadable as unreadable:
            return str(unreadable)

    async def look(self) -> None:
        """As the port says: the one thing that anybody may read, as often and over such connections as for a policy, for where
        an account is, and for a password. Raises: Unavailable.
        """
        await self._passwords.ask(_read_time)
        await self._passwords.ask(_read_time)
        async with self._passwords.first(None) as link:
            await _read_time(link)

    async def check_password(self, account: Account, secret: str) -> PasswordVerdict:
        """As the port says; never tried at a second controller once sent. Raises: Unavailable."""
        if not is_worth_sending(account, secret):
            return PasswordVerdict.NOT_SENT
        dn = await self._passwords.ask(partial(self._find_dn, account=account))
        if dn is None or account.sid is None:
            return PasswordVerdict.NOT_SENT
        async with self._passwords.first(None) as link:
            return await check_password(link, dn, account.sid, secret)

    async def _find_dn(self, link: Link, account: Account) -> str | None:
        return await find_dn(link, await self._domain_of(link), account)

    async def close(self) -> None:
        """Ends every connection; what is under way fails."""
        self.readers.close()
        self._passwords.close()


async def _read_time(link: Link) -> None:
    await link.read("", ("currentTime",))
