"""The note by which a gateway may report what a waiting device says of itself, although nothing lets it pass.

Identity gives it out where the credential was good and the device has to wait, for a request whose body may tell; with
it comes the proof of whose device this is, and nothing that opens anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handfast.identity.ports import KeyRing
from handfast.identity.records import AccountId
from handfast.identity.sealed_notes import open_fields, seal_fields

_PURPOSE = "telling-note"


@dataclass(frozen=True, slots=True)
class TellingNote:
    """Whose device waits, at which publication, and when its request was refused."""

    account_id: AccountId
    device_id: str
    publication: str
    issued_at: datetime


def seal_telling(keyring: KeyRing, note: TellingNote, *, node: str) -> bytes:
    """The sealed note for that node."""
    fields = (note.account_id, note.device_id, note.publication)
    return seal_fields(keyring, _PURPOSE, fields, node=node, issued_at=note.issued_at)


def open_telling(keyring: KeyRing, sealed: bytes, *, node: str, now: datetime) -> TellingNote | None:
    """The note; None where it is another node's, changed, or too old."""
    opened = open_fields(keyring, _PURPOSE, sealed, node=node, now=now)
    if opened is None:
        return None
    issued_at, (account_id, device_id, publication) = opened
    return TellingNote(AccountId(int(account_id)), str(device_id), str(publication), issued_at)
