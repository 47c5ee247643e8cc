"""Live grants: what identity allowed, for exactly which request, and what runs on the strength of it.

A grant is found again only by everything that led to it, the credential included (its keyed digest; for NTLM and
tickets, the connection). Requests in flight hang on their grant, so that a revocation touches what it concerns and nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import MAX_GRANT_SECONDS, Grant
from handfast.decision.ports import BackendAuthorization
from handfast.decision.reasons import Reason
from handfast.gateway.wheel import NEVER, TimerWheel
from handfast.identity.records import Revocation, RevocationScope

MAX_GRANTS = 65536
MAX_REMEMBERED_REVOCATIONS = 4096

GrantKey = tuple[object, ...]


class Cuttable(Protocol):
    """A request in flight."""

    def cut(self, reason: Reason) -> None: ...


class LiveGrant:
    """A grant in use. `is_live` turns False for good when it is revoked or replaced; `is_kept` while the cache has it.

    `authorization` is what signs the account in behind us, None until asked for. `request` is what was asked, ready
    to be asked again (its credential is the sealed session after NTLM or a ticket, which are good for once). `named` is the
    last name of the account that a query was seen to claim rightly.
    """

    __slots__ = (
        "authorization",
        "deadline",
        "expires_at",
        "grant",
        "in_flight",
        "is_kept",
        "is_live",
        "is_rechecked",
        "key",
        "named",
        "owner",
        "request",
        "wheel_slot",
    )

    def __init__(
        self, owner: GrantCache, key: GrantKey, grant: Grant, request: AccessRequest, expires_at: float
    ) -> None:
        self.owner = owner
        self.key = key
        self.grant = grant
        self.request = request
        self.expires_at = expires_at
        self.authorization: BackendAuthorization | None = None
        self.in_flight: set[Cuttable] = set()
        self.is_live = True
        self.is_kept = False
        self.is_rechecked = False
        self.named = ""
        self.deadline = NEVER
        self.wheel_slot = 0

    def renew(self, grant: Grant, expires_at: float) -> bool:
        """Puts a newer grant for the same account, device and password in place; False where it is another's."""
        old = self.grant
        if (old.account_id, old.device_id, old.publication) != (
            grant.account_id,
            grant.device_id,
            grant.publication,
        ):
            return False
        if old.app_password_id != grant.app_password_id:
            return False
        self.grant = grant
        self.expires_at = expires_at
        self.owner.restore(self)
        return True

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        """Its lifetime has passed."""
        self.owner.on_expired(self)


class GrantWatcher(Protocol):
    """Told of a grant whose lifetime passed while requests run on it."""

    def recheck(self, live: LiveGrant) -> None: ...


class GrantCache:
    """The grants of one worker, by key and by what a revocation may name."""

    __slots__ = (
        "_by_key",
        "_by_subject",
        "_digest_key",
        "_revocations",
        "_revoked_up_to",
        "generation",
        "watcher",
        "wheel",
    )

    def __init__(self, wheel: TimerWheel) -> None:
        self.wheel = wheel
        self.watcher: GrantWatcher | None = None
        self._by_key: dict[GrantKey, LiveGrant] = {}
        self._by_subject: dict[tuple[RevocationScope, object], set[LiveGrant]] = {}
        self._digest_key = secrets.token_bytes(32)
        self._revocations: deque[Revocation] = deque(maxlen=MAX_REMEMBERED_REVOCATIONS)
        self._revoked_up_to = 0
        self.generation = 0
        """Rises with `forget_all`. An answer that was asked for before is of a policy that may be gone: ask again."""

    def digest(self, authorization: bytes) -> bytes:
        """What stands for a credential in a key: it can't be turned back without this process's random key."""
        return hashlib.blake2b(authorization, digest_size=16, key=self._digest_key).digest()

    def find(self, key: GrantKey, now: float) -> LiveGrant | None:
        """The live grant of exactly this key, or None."""
        live = self._by_key.get(key)
        return live if live is not None and live.is_live and now < live.expires_at else None

    def store(self, key: GrantKey, grant: Grant, request: AccessRequest, asked_at: float) -> LiveGrant | None:
        """Keeps a new grant; None where a revocation that is already known takes it away.

        `asked_at` is when identity was asked: its answer is no younger than that.
        """
        if self.is_revoked(grant):
            return None
        while len(self._by_key) >= MAX_GRANTS:
            self._forget(next(iter(self._by_key.values())))
        old = self._by_key.pop(key, None)
        if old is not None:
            self._by_key[key] = old
            self._forget(old)
        live = LiveGrant(self, key, grant, request, asked_at + min(grant.lifetime_seconds, MAX_GRANT_SECONDS))
        self._by_key[key] = live
        live.is_kept = True
        for subject in _subjects(grant):
            self._by_subject.setdefault(subject, set()).add(live)
        self.wheel.watch(live, live.expires_at)
        return live

    def is_revoked(self, grant: Grant) -> bool:
        """True where a revocation seen already hits the grant, or may have been seen and forgotten since."""
        if grant.epoch < self._revoked_up_to:
            return True
        return any(grant.is_hit_by(item) for item in self._revocations)

    def distrust_before(self, epoch: int) -> None:
        """Identity can't say what was revoked up to `epoch`: grants older than that are not taken."""
        self._revoked_up_to = max(self._revoked_up_to, epoch)

    def begin(self, live: LiveGrant, exchange: Cuttable) -> None:
        """A request now runs on the grant."""
        live.in_flight.add(exchange)

    def end(self, live: LiveGrant, exchange: Cuttable) -> None:
        """The request is over."""
        live.in_flight.discard(exchange)
        if not live.in_flight and not (live.is_live and live.is_kept):
            self._unlink(live)

    def revoke(self, revocation: Revocation) -> list[LiveGrant]:
        """Ends every grant the revocation hits and returns them, with what runs on them."""
        if len(self._revocations) == self._revocations.maxlen:
            self._revoked_up_to = self._revocations[0].epoch
        self._revocations.append(revocation)
        hit = [live for live in self._candidates(revocation) if live.grant.is_hit_by(revocation)]
        for live in hit:
            self.drop(live)
        return hit

    def restore(self, live: LiveGrant) -> None:
        """A grant that was renewed can be found again."""
        live.is_kept = self._by_key.setdefault(live.key, live) is live
        self.wheel.watch(live, live.expires_at)

    def drop(self, live: LiveGrant) -> None:
        """Ends one grant; requests that run on it are the caller's to cut."""
        live.is_live = False
        self._forget(live)

    def forget_all(self) -> list[LiveGrant]:
        """Takes every grant out of the cache, so that the next request is evaluated anew; returns those in use.

        How they sign in behind is asked anew as well, for one that is renewed: a policy may have another way than before.
        """
        self.generation += 1
        everything = tuple(self._everything())
        for live in everything:
            self._forget(live)
            live.expires_at = 0.0
            live.authorization = None
        return [live for live in everything if live.in_flight]

    def expire(self, live: LiveGrant) -> None:
        """Identity no longer knows the grant: the next request is evaluated anew, and so is what runs on it."""
        live.expires_at = 0.0
        self.on_expired(live)

    def in_flight(self) -> Iterator[Cuttable]:
        """Everything that runs on some grant."""
        for live in tuple(self._everything()):
            yield from tuple(live.in_flight)

    def on_expired(self, live: LiveGrant) -> None:
        """A lifetime has passed: long requests are checked again, the others begin anew."""
        self._forget(live)
        if live.in_flight and live.is_live and self.watcher is not None:
            self.watcher.recheck(live)

    def _everything(self) -> set[LiveGrant]:
        found = set(self._by_key.values())
        for subject, grants in self._by_subject.items():
            if subject[0] is RevocationScope.ACCOUNT:
                found |= grants
        return found

    def _candidates(self, revocation: Revocation) -> tuple[LiveGrant, ...]:
        match revocation.scope:
            case RevocationScope.DEVICE:
                subject: tuple[RevocationScope, object] = (RevocationScope.DEVICE, revocation.device_id)
            case RevocationScope.APP_PASSWORD:
                subject = (RevocationScope.APP_PASSWORD, revocation.app_password_id)
            case RevocationScope.NODE | RevocationScope.EVERYTHING:
                return tuple(self._everything())
            case _:
                subject = (RevocationScope.ACCOUNT, revocation.account_id)
        return tuple(self._by_subject.get(subject, ()))

    def _forget(self, live: LiveGrant) -> None:
        if self._by_key.get(live.key) is live:
            del self._by_key[live.key]
        live.is_kept = False
        if not live.in_flight:
            self._unlink(live)

    def _unlink(self, live: LiveGrant) -> None:
        # No revocation finds it any more, so no connection that remembers it may go on with it.
        live.is_live = False
        live.deadline = NEVER
        for subject in _subjects(live.grant):
            grants = self._by_subject.get(subject)
            if grants is not None:
                grants.discard(live)
                if not grants:
                    del self._by_subject[subject]


def _subjects(grant: Grant) -> Iterator[tuple[RevocationScope, object]]:
    yield RevocationScope.ACCOUNT, grant.account_id
    if grant.device_id is not None:
        yield RevocationScope.DEVICE, grant.device_id
    if grant.app_password_id is not None:
        yield RevocationScope.APP_PASSWORD, grant.app_password_id
