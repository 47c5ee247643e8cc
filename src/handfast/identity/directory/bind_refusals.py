"""Which password of our own account the directory refused, kept in the records: it is not sent again by whoever starts next.

The domain counts each try, and an identity that is started anew every few seconds would soon have locked the account it
reads with. All identities of one database share what is kept; it ends by itself, and a corrected password is another one.
"""

from __future__ import annotations

from datetime import timedelta

from handfast.identity.counters import Scope
from handfast.identity.ports import Clock, KeyRing, Records
from handfast.identity.records import Counter, CounterKind

BIND_USER_SCOPE = "bind-user"
"""Begins the scope, where those of accounts have the account's id."""


class BindRefusals:
    """Fits `directory.own_account.RefusalRecord`. The password stands there as a digest that needs the key file."""

    def __init__(self, records: Records, keyring: KeyRing, clock: Clock) -> None:
        self._records = records
        self._keyring = keyring
        self._clock = clock

    async def find(self, user: str, password: str) -> tuple[int, timedelta] | None:
        """Raises: Unavailable."""
        scope = self._scope(user, password)
        known = await self._records.read(
            lambda repositories: repositories.counters.find(scope.kind, scope.scope)
        )
        return None if known is None else (known.failures, self._clock.now() - known.window_start)

    async def keep(self, user: str, password: str, times: int, lasts: timedelta) -> None:
        """Raises: Unavailable."""
        scope = self._scope(user, password)
        refused = Counter(scope.kind, scope.scope, self._clock.now(), times)
        seconds = int(lasts.total_seconds())
        await self._records.write(
            lambda repositories: repositories.counters.save(refused, window_seconds=seconds)
        )

    async def forget(self, user: str, password: str) -> None:
        """Raises: Unavailable."""
        scope = self._scope(user, password)
        await self._records.write(lambda repositories: repositories.counters.clear(scope.kind, scope.scope))

    def _scope(self, user: str, password: str) -> Scope:
        """Among the domain passwords known to be wrong, where no account's id is."""
        name = user.encode()
        message = b"bind-password" + len(name).to_bytes(4, "big") + name + password.encode()
        return Scope(
            CounterKind.DOMAIN_WRONG, f"{BIND_USER_SCOPE}:{self._keyring.audit_mac(message).hex()[:32]}", 1
        )
