"""The soft lockout of domain passwords: stops before the domain would lock the account.

The domain counts wrong passwords of an account from anywhere, and begins anew once none came for its observation window
(MS-ADTS 3.1.1.3.1.1.5, MS-SAMR 3.1.1.7.1): so every failure here begins the window anew, and one counter stands for all
sources, devices and identity processes. It is counted before the domain is asked, in the database, on from what the
domain has counted from elsewhere, and taken back when the domain did not count it. What was wrong is remembered for a
window by a keyed digest: a client that repeats a stale password costs the domain one failure a window.

A window begins by the later of two clocks, ours and the controller's, and is over when the earlier says so: whichever of
them was set forward or back, the window is no shorter for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from handfast.identity.audit import AuditEvent
from handfast.identity.counters import Scope, reserve_attempt
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.names import principal_of
from handfast.identity.policies import LockoutPolicy
from handfast.identity.ports import CounterRepository, KeyRing, Repositories
from handfast.identity.records import Account, Counter, CounterKind

SLACK = timedelta(minutes=1)
"""Our clock and the domain controllers' may differ; the window here is longer by this."""
AHEAD = timedelta(days=1)
"""What began later than this by both clocks was written by one that was far off and is right again: it holds nobody until then."""
TRYING = timedelta(seconds=5)
"""An attempt that did not end in this time died with its process, or nobody waits for it any more: as long as a gateway
waits for identity.
"""


@dataclass(frozen=True, slots=True)
class SoftLockout:
    """Failures that may reach the domain, within `window` of the one before; `counted` it counts already, ours and others'.
    `at` is the clock of the controller that said so; None: ours alone is known.
    """

    limit: int
    window: timedelta
    counted: int = 0
    at: datetime | None = None

    @property
    def leaves_nothing(self) -> bool:
        """True where the domain locks so soon that no attempt may be made at all."""
        return self.limit <= 0

    def later(self, now: datetime) -> datetime:
        """`now` by the clock that is ahead: what begins, begins then."""
        return now if self.at is None else max(now, self.at)

    def earlier(self, now: datetime) -> datetime:
        """`now` by the clock that is behind: what is to be over must be so then."""
        return now if self.at is None else min(now, self.at)


def soft_lockout(domain: DomainLockout, margin: int, own: LockoutPolicy) -> SoftLockout:
    """What stays `margin` failures below the domain's threshold, for at least its window.

    A domain that never locks may do so for some by a policy that is not shown to us. So there is a limit even then: as if it
    locked after what one source may get wrong here.
    """
    if domain.threshold == 0:
        return SoftLockout(
            max(1, own.per_account_and_source - margin), own.window + SLACK, domain.failures, domain.at
        )
    window = max(domain.window, own.window) + SLACK
    return SoftLockout(domain.threshold - margin, window, domain.failures, domain.at)


class AttemptVerdict(StrEnum):
    """Whether the domain may be asked."""

    MAY = "may"
    WRONG_AGAIN = "wrong-again"
    BEING_TRIED = "being-tried"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class DomainAttempt:
    """One attempt and what it has reserved. `locked_by` is the scope that is full; `before` is the account's counter as it
    was, where one is kept.
    """

    verdict: AttemptVerdict
    account: Account
    digest: str
    at: datetime
    soft: SoftLockout
    scopes: tuple[Scope, ...] = ()
    own_window: timedelta = timedelta(0)
    locked_by: Scope | None = None
    before: Counter | None = None

    @property
    def standing(self) -> int:
        """Failures when it was looked at: ours, or those that the domain counted where they were more."""
        return max(self.own_failures, self.soft.counted)

    @property
    def own_failures(self) -> int:
        """The account's counter as it was."""
        return 0 if self.before is None else self.before.failures

    @property
    def reserved(self) -> Counter:
        """The account's counter as it is with this attempt."""
        return Counter(self.total.kind, self.total.scope, self.soft.later(self.at), self.standing + 1)

    @property
    def trying(self) -> Scope:
        """Stands while the domain is asked."""
        return Scope(CounterKind.DOMAIN_TRYING, f"{self.account.id}:{self.digest}", 1)

    @property
    def wrong(self) -> Scope:
        """Stands while the secret is known to be wrong."""
        return Scope(CounterKind.DOMAIN_WRONG, f"{self.account.id}:{self.digest}", 1)

    @property
    def total(self) -> Scope:
        """The account's failures in the domain."""
        return domain_scope(self.account, self.soft)


def domain_scope(account: Account, soft: SoftLockout) -> Scope:
    """One counter an account, whatever the source: its id alone, as the domain counts."""
    return Scope(CounterKind.DOMAIN, str(account.id), soft.limit)


def password_version(account: Account) -> datetime | None:
    """Tells an account's domain password from the next one: when it was set; where nobody told that, when it is to expire."""
    facts = account.directory
    return None if facts is None else facts.password_set_at or facts.password_expires_at


def secret_digest(keyring: KeyRing, account: Account, secret: str) -> str:
    """What stands for an account's secret where it is remembered; it can't be turned back without the key file.

    Which password it was tried against is a part: after a change in the directory what was wrong may be right, and what was
    right is not.
    """
    version = password_version(account)
    parts = (str(account.id), "" if version is None else version.isoformat(), secret)
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return keyring.audit_mac(
        b"domain-password" + b"".join(len(one).to_bytes(8, "big") + one for one in encoded)
    ).hex()[:32]


def look_at_attempt(
    counters: CounterRepository, account: Account, digest: str, soft: SoftLockout, now: datetime
) -> DomainAttempt:
    """What the domain's side of the counters says of an attempt; nothing is counted yet."""
    attempt = DomainAttempt(AttemptVerdict.MAY, account, digest, now, soft)
    if _standing(counters, attempt.wrong, soft, now) is not None:
        return replace(attempt, verdict=AttemptVerdict.WRONG_AGAIN)
    trying = _running(counters, attempt.trying, TRYING, now)
    if (
        trying is not None and trying.window_start <= now + SLACK
    ):  # else the clock was set back since, and who tried died
        return replace(attempt, verdict=AttemptVerdict.BEING_TRIED)
    attempt = replace(attempt, before=_standing(counters, attempt.total, soft, now))
    if attempt.standing >= soft.limit:
        return replace(attempt, verdict=AttemptVerdict.LOCKED, locked_by=attempt.total)
    return attempt


def begin_attempt(
    repositories: Repositories, attempt: DomainAttempt, scopes: tuple[Scope, ...], policy: LockoutPolicy
) -> DomainAttempt:
    """Counts an attempt as it was looked at, in the account's counter and in our own `scopes`; none of them may be full."""
    counters, soft, now = repositories.counters, attempt.soft, attempt.at
    attempt = look_at_attempt(counters, attempt.account, attempt.digest, soft, now)
    if attempt.verdict is not AttemptVerdict.MAY:
        return attempt
    reservation = reserve_attempt(repositories, scopes, policy, attempt.account, now)
    if reservation.is_locked:
        return replace(attempt, verdict=AttemptVerdict.LOCKED, locked_by=reservation.locked_by)
    _put(counters, attempt.trying, 1, now, TRYING)
    _save(counters, attempt.reserved, soft.window)
    return replace(attempt, scopes=scopes, own_window=policy.window)


def end_wrong(repositories: Repositories, attempt: DomainAttempt, now: datetime) -> None:
    """The domain counted it; the last one that may reach the domain is audited."""
    counters = repositories.counters
    counters.clear(attempt.trying.kind, attempt.trying.scope)
    _put(counters, attempt.wrong, 1, attempt.soft.later(now), attempt.soft.window)
    if attempt.standing + 1 == attempt.soft.limit:
        repositories.audit.append(
            AuditEvent.LOCKOUT_BEGUN,
            now=now,
            actor="gateway",
            subject=principal_of(attempt.account),
            details={
                "counter": CounterKind.DOMAIN.value,
                "scope": attempt.total.scope,
                "limit": str(attempt.soft.limit),
            },
        )


def end_lost(repositories: Repositories, attempt: DomainAttempt) -> None:
    """The password was sent and nothing came back: the domain may have counted it, so we count it; it is not known wrong."""
    repositories.counters.clear(attempt.trying.kind, attempt.trying.scope)


def end_uncounted(repositories: Repositories, attempt: DomainAttempt, *, is_answered: bool) -> None:
    """The domain did not count it: the password was right, or (not `is_answered`) none was asked or none spoke.

    What our own scopes hold after a right password is given back with the grant, as for any human-chosen secret.
    """
    counters = repositories.counters
    counters.clear(attempt.trying.kind, attempt.trying.scope)
    _take_back(counters, attempt)
    if not is_answered:
        take_back(counters, attempt.scopes, attempt.own_window)


def take_back(counters: CounterRepository, scopes: Iterable[Scope], window: timedelta) -> None:
    """One failure less in each scope: the attempt was never evaluated."""
    for scope in scopes:
        known = counters.find(scope.kind, scope.scope)
        if known is None:
            continue
        if known.failures > 1:
            _save(counters, replace(known, failures=known.failures - 1), window)
        else:
            counters.clear(scope.kind, scope.scope)


def _take_back(counters: CounterRepository, attempt: DomainAttempt) -> None:
    """Where nobody counted since, all is as it was: a success prolongs nothing. Where somebody did, one failure less: what
    the domain has counted from elsewhere stands for theirs too.
    """
    known = counters.find(attempt.total.kind, attempt.total.scope)
    if known is None:
        return
    rest = attempt.before if known == attempt.reserved else replace(known, failures=known.failures - 1)
    if rest is None or rest.failures <= 0:
        counters.clear(known.kind, known.scope)
    else:
        _save(counters, rest, attempt.soft.window)


def _standing(counters: CounterRepository, scope: Scope, soft: SoftLockout, now: datetime) -> Counter | None:
    known = _running(counters, scope, soft.window, soft.earlier(now))
    return None if known is None or known.window_start > soft.later(now) + AHEAD else known


def _running(counters: CounterRepository, scope: Scope, window: timedelta, now: datetime) -> Counter | None:
    known = counters.find(scope.kind, scope.scope)
    return None if known is None or known.window_start + window <= now else known


def _put(
    counters: CounterRepository, scope: Scope, failures: int, start: datetime, window: timedelta
) -> None:
    _save(counters, Counter(scope.kind, scope.scope, start, failures), window)


def _save(counters: CounterRepository, counter: Counter, window: timedelta) -> None:
    counters.save(counter, window_seconds=int(window.total_seconds()))
