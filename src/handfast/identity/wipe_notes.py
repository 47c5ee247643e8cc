"""The note that travels with a wipe order: sealed, so that a gateway can report on this wipe and on no other.

Only identity opens it, for the node it was given to, within ten minutes: a phone that was told to provision does so at
once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from handfast.identity.ports import KeyRing
from handfast.identity.records import AccountId

NOTE_LIFE = timedelta(minutes=10)
MAX_NOTE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class WipeNote:
    """Whose device it is, which order it was told of (by the time of the request), and when it proved its id."""

    account_id: AccountId
    device_id: str
    requested_at: datetime
    issued_at: datetime


def seal_note(keyring: KeyRing, note: WipeNote, *, node: str) -> bytes:
    """Key id, a zero byte, ciphertext."""
    fields = [
        note.account_id,
        note.device_id,
        note.requested_at.isoformat(),
        note.issued_at.isoformat(),
    ]
    key_id, sealed = keyring.seal(json.dumps(fields).encode(), associated=_associated(node))
    return key_id.encode() + b"\0" + sealed


def open_note(keyring: KeyRing, sealed: bytes, *, node: str, now: datetime) -> WipeNote | None:
    """The note; None where it is another node's, changed, or too old."""
    if len(sealed) > MAX_NOTE_BYTES:
        return None
    key_id, separator, ciphertext = sealed.partition(b"\0")
    if not separator:
        return None
    try:
        plain = keyring.unseal(key_id.decode("ascii"), ciphertext, associated=_associated(node))
    except ValueError:
        return None
    account_id, device_id, requested_at, issued_at = json.loads(plain)
    note = WipeNote(
        AccountId(account_id),
        device_id,
        datetime.fromisoformat(requested_at),
        datetime.fromisoformat(issued_at),
    )
    return note if timedelta(0) <= now - note.issued_at <= NOTE_LIFE else None


def _associated(node: str) -> str:
    return json.dumps(["wipe-note", node])
