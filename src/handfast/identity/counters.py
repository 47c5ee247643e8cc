"""Failure counters: their scopes, and the reservation of an attempt before a human-chosen secret is evaluated.

An attempt is counted first and evaluated then, so that parallel guesses can't overtake the counter, and a crash
between the two errs on the safe side. A success gives its reservation back where only its owner can have caused it
(account + source, familiar); the counters an attacker shares (account, source) keep it until the window ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handfast.identity.audit import AuditEvent
from handfast.identity.names import fold, principal_of
from handfast.identity.policies import LockoutPolicy
from handfast.identity.ports import CounterRepository, KeyRing, Repositories
from handfast.identity.records import Account, AccountId, CounterKind
from handfast.identity.sources import counted_source, home_network

UNKNOWN_NAME_BUCKETS = 4096
"""Unknown names share so many counters, whatever an attacker invents. The hash is keyed: nobody can aim at a bucket."""

REFUSED_SCOPE = "refused"
"""No bucket: what was refused for a full counter is counted here."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One counter and how far it may go."""

    kind: CounterKind
    scope: str
    limit: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Whether the attempt may be evaluated; `locked_by` is the scope that is full, where it may not."""

    locked_by: Scope | None = None

    @property
    def is_locked(self) -> bool:
        """True where the secret must not be evaluated."""
        return self.locked_by is not None


def account_source_scope(account_id: AccountId, source: str) -> str:
    """`ID:SOURCE`. Every scope of an account begins with its id, so that all can be cleared together."""
    return f"{account_id}:{counted_source(source)}"


def familiar_scope(account_id: AccountId, device_id: str, source: str) -> str:
    """`ID:NETWORK:DEVICE`."""
    return f"{account_id}:{home_network(source)}:{device_id}"


def unknown_name_scope(keyring: KeyRing, name: str) -> str:
    """The bucket of a name that no account has."""
    digest = keyring.audit_mac(b"unknown-name\0" + fold(name).encode("utf-8", "surrogatepass"))
    return f"bucket:{int.from_bytes(digest[:4], 'big') % UNKNOWN_NAME_BUCKETS}"


def scopes_of_account(
    counters: CounterRepository,
    policy: LockoutPolicy,
    account_id: AccountId,
    device_id: str | None,
    source: str,
    now: datetime,
) -> tuple[Scope, ...]:
    """The counters an attempt is held against: the familiar one alone, or account + source, account and source."""
    if device_id is not None and counters.is_familiar(
        account_id, device_id, home_network(source), since=now - policy.familiar_for
    ):
        scope = familiar_scope(account_id, device_id, source)
        return (Scope(CounterKind.FAMILIAR, scope, policy.per_account_and_source),)
    return (
        Scope(
            CounterKind.ACCOUNT_SOURCE,
            account_source_scope(account_id, source),
            policy.per_account_and_source,
        ),
        Scope(CounterKind.ACCOUNT, str(account_id), policy.per_account),
        Scope(CounterKind.SOURCE, counted_source(source), policy.per_source),
    )


def scopes_of_unknown_name(
    keyring: KeyRing, policy: LockoutPolicy, name: str, source: str
) -> tuple[Scope, ...]:
    """The counters of a name that no account has: they lock like those of one that exists."""
    return (
        Scope(CounterKind.UNKNOWN_NAME, unknown_name_scope(keyring, name), policy.per_account_and_source),
        Scope(CounterKind.SOURCE, counted_source(source), policy.per_source),
    )


def find_full(
    counters: CounterRepository, scopes: Sequence[Scope], window: timedelta, now: datetime
) -> Scope | None:
    """The first scope that has reached its limit in a window which is still running."""
    for scope in scopes:
        counter = counters.find(scope.kind, scope.scope)
        if counter is None or counter.window_start + window <= now:
            continue
        if counter.failures >= scope.limit:
            return scope
    return None


def reserve_attempt(
    repositories: Repositories,
    scopes: Sequence[Scope],
    policy: LockoutPolicy,
    account: Account | None,
    now: datetime,
) -> Reservation:
    """Counts one attempt in every scope, unless one is full already. The last attempt a scope allows is audited.

    A refused attempt is counted too, in a scope that locks nobody: its time must not tell that an account is locked.
    """
    full = find_full(repositories.counters, scopes, policy.window, now)
    if full is not None:
        seconds = int(policy.window.total_seconds())
        repositories.counters.increment(
            CounterKind.UNKNOWN_NAME, REFUSED_SCOPE, now=now, window_seconds=seconds
        )
        return Reservation(full)
    overrun: Scope | None = None
    for scope in scopes:
        count = repositories.counters.increment(
            scope.kind, scope.scope, now=now, window_seconds=int(policy.window.total_seconds())
        )
        if count > scope.limit and overrun is None:
            overrun = scope
        if count == scope.limit and account is not None and scope.kind is not CounterKind.SOURCE:
            _record_lockout(repositories, account, scope, now)
    return Reservation(overrun)


def _record_lockout(repositories: Repositories, account: Account, scope: Scope, now: datetime) -> None:
    repositories.audit.append(
        AuditEvent.LOCKOUT_BEGUN,
        now=now,
        actor="gateway",
        subject=principal_of(account),
        details={"counter": scope.kind.value, "scope": scope.scope, "limit": str(scope.limit)},
    )


def give_back(counters: CounterRepository, scopes: Sequence[Scope]) -> None:
    """After a success: forgets the failures in the scopes that are the owner's alone."""
    for scope in scopes:
        if scope.kind in (CounterKind.FAMILIAR, CounterKind.ACCOUNT_SOURCE):
            counters.clear(scope.kind, scope.scope)
