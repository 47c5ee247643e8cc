"""The same wrong secret again: a phone with a stale password retries it for days, and learns nothing new each time.

What was wrong a moment ago, for the same name, device and network, is answered from memory: the slow hash is not
computed, no counter moves, no delay grows, and the log has one line and a count. App passwords are looked up all the
same, which costs one probe. The memory says only "wrong", and for no longer than the account's own verifier stays
what it was, so that it can neither let anybody in nor keep a secret out that became right.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handfast.decision.access import AccessRequest, BasicCredential
from handfast.decision.publication import Publication
from handfast.decision.reasons import Reason
from handfast.identity.names import fold
from handfast.identity.ports import KeyRing
from handfast.identity.sources import counted_source

WINDOW = timedelta(minutes=30)
"""How long an answer is remembered; each time it is given, it is remembered anew."""
MAX_AGE = timedelta(hours=12)
"""Then it is evaluated once more, whatever came between."""
LOCKED_WINDOW = timedelta(minutes=1)
"""A lockout ends by itself: the secret that was not evaluated for it must get its chance soon."""
MAX_REMEMBERED = 50_000
"""Some 200 bytes each; the one that was seen longest ago is forgotten first."""

_REMEMBERED = frozenset(
    {
        Reason.CREDENTIAL_WRONG,
        Reason.ACCOUNT_UNKNOWN,
        Reason.ACCOUNT_LOCKED_OUT,
        Reason.APP_PASSWORD_EXPIRED,
        Reason.APP_PASSWORD_REVOKED,
    }
)


@dataclass(slots=True)
class _Wrong:
    """One answer: since when it stands, when it was given last, and what the account's verifier was then."""

    reason: Reason
    verifier: str | None = field(repr=False)
    since: datetime
    last: datetime


def wrong_key(
    keyring: KeyRing, publication: Publication, request: AccessRequest, credential: BasicCredential
) -> bytes:
    """A digest that can't be turned back without the key file; each part stands for itself alone.

    Whether the publication takes human-chosen secrets is a part: a reload may turn a wrong secret into a right one.
    """
    parts = (
        publication.name,
        str(publication.credentials.human_secrets),
        fold(credential.login),
        "" if request.device is None else request.device.device_id,
        counted_source(request.source),
        credential.secret,
    )
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return keyring.audit_mac(b"wrong-again" + b"".join(len(one).to_bytes(8, "big") + one for one in encoded))


class WrongAgain:
    """Answers by (publication, name, device, network, secret), of which only a keyed digest is kept."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        self._max_remembered = max_remembered
        self._answers: OrderedDict[bytes, _Wrong] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: bytes, verifier: str | None, now: datetime) -> Reason | None:
        """Why it was wrong, where that is remembered and still so; `verifier` is the account's of today."""
        known = self._answers.get(key)
        if known is None:
            return None
        window = LOCKED_WINDOW if known.reason is Reason.ACCOUNT_LOCKED_OUT else WINDOW
        is_fresh = timedelta(0) <= now - known.last < window and now - known.since < MAX_AGE
        if not is_fresh or known.verifier != verifier:
            del self._answers[key]
            return None
        if known.reason is not Reason.ACCOUNT_LOCKED_OUT:
            known.last = now
        self._answers.move_to_end(key)
        return known.reason

    def remember(self, key: bytes, verifier: str | None, reason: Reason, now: datetime) -> None:
        """Keeps what was found out; only what says that a secret is wrong."""
        if reason not in _REMEMBERED:
            return
        self._answers[key] = _Wrong(reason, verifier, now, now)
        self._answers.move_to_end(key)
        while len(self._answers) > self._max_remembered:
            self._answers.popitem(last=False)

    def clear(self) -> int:
        """Forgets everything; how much it was."""
        count = len(self._answers)
        self._answers.clear()
        return count
