"""Notes that identity gives out with a decision and takes back: sealed, so that a gateway can carry them and no more.

Only identity opens one, for the node and the purpose it was given for, within ten minutes: a phone that was answered
goes on at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from handfast.identity.ports import KeyRing

NOTE_LIFE = timedelta(minutes=10)
MAX_NOTE_BYTES = 1024


def seal_fields(
    keyring: KeyRing, purpose: str, fields: Sequence[str | int], *, node: str, issued_at: datetime
) -> bytes:
    """Key id, a zero byte, ciphertext."""
    plain = json.dumps([issued_at.isoformat(), *fields]).encode()
    key_id, sealed = keyring.seal(plain, associated=_associated(purpose, node))
    return key_id.encode() + b"\0" + sealed


def open_fields(
    keyring: KeyRing, purpose: str, sealed: bytes, *, node: str, now: datetime
) -> tuple[datetime, list[str | int]] | None:
    """When the note was issued, and its fields; None where it is another node's, for something else, changed or too old."""
    if len(sealed) > MAX_NOTE_BYTES:
        return None
    key_id, separator, ciphertext = sealed.partition(b"\0")
    if not separator:
        return None
    try:
        plain = keyring.unseal(key_id.decode("ascii"), ciphertext, associated=_associated(purpose, node))
    except ValueError:
        return None
    issued, *fields = json.loads(plain)
    issued_at = datetime.fromisoformat(issued)
    return (issued_at, fields) if timedelta(0) <= now - issued_at <= NOTE_LIFE else None


def _associated(purpose: str, node: str) -> str:
    return json.dumps([purpose, node])
