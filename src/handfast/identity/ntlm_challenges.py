"""Pending NTLM challenges, and the sessions of connections that NTLM or a Kerberos ticket has authenticated.

A challenge is taken once, by the connection (and node) it was issued for, within a minute; what is not taken in time is
forgotten. A session is a sealed note for the gateway to carry: it says who a connection belongs to, opens only for
that node and connection, and never replaces a look at the records.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handfast.identity.ports import KeyRing
from handfast.identity.records import AccountId, AppPasswordId

CHALLENGE_LIFE = timedelta(seconds=60)
MAX_PENDING = 20_000
"""Challenges kept at a time, about 10 MB; the oldest goes first."""
SESSION_LIFE = timedelta(hours=1)
MAX_SESSION_BYTES = 2048


@dataclass(frozen=True, slots=True)
class PendingChallenge:
    """What was sent: the eight bytes and the whole type 2 message, which the MIC covers."""

    publication: str
    connection_id: str
    server_challenge: bytes = field(repr=False)
    message: bytes = field(repr=False)
    issued_at: datetime


class PendingChallenges:
    """Challenges by id, in order of issue."""

    def __init__(self, max_pending: int = MAX_PENDING) -> None:
        self._max_pending = max_pending
        self._pending: OrderedDict[str, PendingChallenge] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, challenge_id: str, challenge: PendingChallenge) -> None:
        """Keeps one until it is taken or a minute is over."""
        self._forget_old(challenge.issued_at)
        self._pending[challenge_id] = challenge
        while len(self._pending) > self._max_pending:
            self._pending.popitem(last=False)

    def take(
        self, challenge_id: str, *, publication: str, connection_id: str, now: datetime
    ) -> PendingChallenge | None:
        """The challenge, once; None where it is used, too old, or another connection's (which spends it as well)."""
        challenge = self._pending.pop(challenge_id, None)
        if challenge is None or now - challenge.issued_at > CHALLENGE_LIFE:
            return None
        if (challenge.publication, challenge.connection_id) != (publication, connection_id):
            return None
        return challenge

    def _forget_old(self, now: datetime) -> None:
        while self._pending:
            oldest = next(iter(self._pending.values()))
            if now - oldest.issued_at <= CHALLENGE_LIFE:
                return
            self._pending.popitem(last=False)


@dataclass(frozen=True, slots=True)
class ConnectionSession:
    """Who a connection belongs to. `login` is the name as it was sent, for logs. A session without an app password began
    with a Kerberos ticket.
    """

    account_id: AccountId
    app_password_id: AppPasswordId | None
    publication: str
    login: str
    issued_at: datetime


def seal_session(keyring: KeyRing, session: ConnectionSession, *, node: str, connection_id: str) -> bytes:
    """The session as the gateway carries it: key id, a zero byte, ciphertext."""
    fields = [
        session.account_id,
        session.app_password_id,
        session.publication,
        session.login,
        session.issued_at.isoformat(),
    ]
    key_id, sealed = keyring.seal(json.dumps(fields).encode(), associated=_associated(node, connection_id))
    return key_id.encode() + b"\0" + sealed


def open_session(
    keyring: KeyRing, sealed: bytes, *, node: str, connection_id: str, publication: str, now: datetime
) -> ConnectionSession | None:
    """The session, or None where it is another node's, connection's or publication's, changed, or an hour old."""
    key_id, separator, ciphertext = sealed[:MAX_SESSION_BYTES].partition(b"\0")
    if not separator:
        return None
    try:
        plain = keyring.unseal(
            key_id.decode("ascii"), ciphertext, associated=_associated(node, connection_id)
        )
    except ValueError:
        return None
    account_id, password_id, for_publication, login, issued_at = json.loads(plain)
    session = ConnectionSession(
        AccountId(account_id),
        None if password_id is None else AppPasswordId(password_id),
        for_publication,
        login,
        datetime.fromisoformat(issued_at),
    )
    is_young = timedelta(0) <= now - session.issued_at <= SESSION_LIFE
    return session if is_young and session.publication == publication else None


def _associated(node: str, connection_id: str) -> str:
    return json.dumps(["ntlm-session", node, connection_id])
