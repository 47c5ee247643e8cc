"""The note that travels with a wipe order: sealed, so that a gateway can report on this wipe and on no other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handfast.identity.ports import KeyRing
from handfast.identity.records import AccountId
from handfast.identity.sealed_notes import open_fields, seal_fields

_PURPOSE = "wipe-note"


@dataclass(frozen=True, slots=True)
class WipeNote:
    """Whose device it is, which order it was told of (by the time of the request), and when it proved its id."""

    account_id: AccountId
    device_id: str
    requested_at: datetime
    issued_at: datetime


def seal_note(keyring: KeyRing, note: WipeNote, *, node: str) -> bytes:
    """The sealed note for that node."""
    fields = (note.account_id, note.device_id, note.requested_at.isoformat())
    return seal_fields(keyring, _PURPOSE, fields, node=node, issued_at=note.issued_at)


def open_note(keyring: KeyRing, sealed: bytes, *, node: str, now: datetime) -> WipeNote | None:
    """The note; None where it is another node's, changed, or too old."""
    opened = open_fields(keyring, _PURPOSE, sealed, node=node, now=now)
    if opened is None:
        return None
    issued_at, (account_id, device_id, requested_at) = opened
    return WipeNote(
        AccountId(int(account_id)), str(device_id), datetime.fromisoformat(str(requested_at)), issued_at
    )
