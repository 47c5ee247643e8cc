"""What every group of administrative calls shares: ports, the search for what was named, values for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.names import find_named_account
from handfast.identity.networks import NetworkSightings
from handfast.identity.ports import Clock, KeyRing, Randomness, Records, Repositories, SecretHasher
from handfast.identity.recent_evaluations import RecentEvaluations
from handfast.identity.records import Account, AccountId, Partnership
from handfast.identity.source_delays import SourceDelays

JsonRow = dict[str, Any]
T = TypeVar("T")
MAX_LIST = 1_000_000
"""Rows a listing reads; above it a filter is needed."""
PAGE = 1000
MAX_PAGE = 10_000
"""Rows that a call in pages gives at once, at the most."""


class PolicyExplainer(Protocol):
    """Knows the rules of decisions, and says what they mean for one account."""

    async def check(
        self, *, account: str, publication: str | None, listener: str | None, source: str | None
    ) -> JsonRow:
        """Raises: AdministrationError."""
        ...

    async def names(self) -> list[JsonRow]:
        """The groups and accounts that rules name. Raises: Unavailable."""
        ...


class Office:
    """Ports and settings of administrative work.

    `recent`, `delays`, `networks` and `unreadable` are the serving process's own memory, where there is one; the last has the SIDs
    of the directory's accounts that can't be judged. `unused_password_life` is how long a new app password may stay unused.
    """

    def __init__(
        self,
        records: Records,
        keyring: KeyRing,
        hasher: SecretHasher,
        clock: Clock,
        randomness: Randomness,
        *,
        publications: frozenset[str],
        default_domain: str = "",
        unused_password_life: timedelta = timedelta(hours=24),
        recent: RecentEvaluations | None = None,
        delays: SourceDelays | None = None,
        networks: NetworkSightings | None = None,
        unreadable: AbstractSet[str] = frozenset(),
        policies: PolicyExplainer | None = None,
    ) -> None:
        """`publications` are the names in the settings file, to catch a misspelt one."""
        self._records = records
        self._keyring = keyring
        self._hasher = hasher
        self._clock = clock
        self._randomness = randomness
        self._default_domain = default_domain
        self._unused_password_life = unused_password_life
        self._publications = publications
        self._recent = recent
        self._delays = delays
        self._networks = networks
        self._unreadable = unreadable
        self._policies = policies

    def _account(self, repositories: Repositories, name: str) -> Account:
        account = find_named_account(repositories, name, self._default_domain)
        if account is None:
            raise AdministrationError(
                "not-found",
                f"no account is called {name!r}",
                "`handfast account list` shows all; where two share a user name, name it by UPN or DOMAIN\\user",
            )
        return account

    async def _of_all_accounts(self, work: Callable[[Repositories, Account], T]) -> list[T]:
        """What `work` gives for each account, a page a read: of a hundred thousand no read may take as long as all of them do."""
        done: list[T] = []
        after: AccountId | None = None

        def read(repositories: Repositories) -> tuple[AccountId | None, list[T]]:
            page = repositories.accounts.list(limit=PAGE, after=after)
            return page[-1].id if page else None, [work(repositories, account) for account in page]

        while True:
            last, some = await self._records.read(read)
            if last is None:
                return done
            done += some
            after = last

    def _partnership(self, repositories: Repositories, account: Account, device_id: str) -> Partnership:
        known = repositories.partnerships.find(account.id, device_id)
        if known is None:
            raise AdministrationError(
                "not-found",
                f"{account.upn or account.user} has no device {device_id!r}",
                "`handfast device list ACCOUNT` shows its devices",
            )
        return known


def checked_limit(limit: int) -> int:
    """The size of a page. Raises: AdministrationError."""
    if not 1 <= limit <= MAX_PAGE:
        raise AdministrationError("usage", f"limit is 1 to {MAX_PAGE}")
    return limit


def as_json(record: Any, *, without: frozenset[str] = frozenset()) -> JsonRow:
    """A record as JSON values: times in ISO 8601, sets sorted, enums by value."""
    return {f.name: as_value(getattr(record, f.name)) for f in fields(record) if f.name not in without}


def as_value(value: Any) -> Any:
    """One value as JSON knows it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, frozenset):
        return sorted(as_value(one) for one in value)
    if isinstance(value, tuple):
        return [as_value(one) if not hasattr(one, "__dataclass_fields__") else as_json(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): as_value(one) for key, one in value.items()}
    return value
