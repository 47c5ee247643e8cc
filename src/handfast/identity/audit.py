"""The audit trail: a closed list of events, and the chain that makes a change to the trail show.

Each entry is authenticated by HMAC-SHA-256 over the entry before it (a keyed chain), so that whoever lacks the key
cannot edit, delete or reorder. Checkpoints (chain, sequence number, MAC) are signed and also leave the database, so
that even the key's holder cannot cut what a checkpoint outside has seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuditEvent(StrEnum):
    """`area:subject:action`. An event is added here or it does not happen."""

    CHAIN_OPENED = "audit:chain:opened"
    CHECKPOINT = "audit:chain:checkpoint"
    EXPORTED = "audit:trail:exported"
    ACCOUNT_ADDED = "identity:account:added"
    ACCOUNT_ENABLED = "identity:account:enabled"
    ACCOUNT_DISABLED = "identity:account:disabled"
    ACCOUNT_REMOVED = "identity:account:removed"
    ACCOUNT_MIRRORED = "identity:account:mirrored"
    ACCOUNT_RENAMED = "identity:account:renamed"
    ACCOUNT_CHANGED = "identity:account:changed-in-directory"
    ACCOUNT_REGROUPED = "identity:account:regrouped"
    ACCOUNT_GONE = "identity:account:gone-from-directory"
    ACCOUNT_RETURNED = "identity:account:back-in-directory"
    ACCOUNT_ENDED = "identity:account:ended"
    ACCOUNT_NAME_CONFLICT = "identity:account:name-conflict"
    ACCOUNT_ADOPTED = "identity:account:adopted"
    ACCOUNT_PIN_SET = "identity:account:pin-set"
    ACCOUNT_PIN_CLEARED = "identity:account:pin-cleared"
    APP_PASSWORD_ISSUED = "identity:app_password:issued"  # noqa: S105 - an event's name
    APP_PASSWORD_BOUND = "identity:app_password:bound"  # noqa: S105 - an event's name
    APP_PASSWORD_REVOKED = "identity:app_password:revoked"  # noqa: S105 - an event's name
    APP_PASSWORD_MISUSED = "identity:app_password:possible-theft"  # noqa: S105 - an event's name
    DEVICE_PAIRED = "identity:device:paired"
    DEVICE_PENDING = "identity:device:pending"
    DEVICE_APPROVED = "identity:device:approved"
    DEVICE_QUARANTINED = "identity:device:quarantined"
    DEVICE_BLOCKED = "identity:device:blocked"
    DEVICE_UNBLOCKED = "identity:device:unblocked"
    DEVICE_REMOVED = "identity:device:removed"
    DEVICE_IMPORTED = "identity:device:imported"
    DEVICE_FACTS_LEARNED = "identity:device:facts-learned"
    WIPE_REQUESTED = "identity:wipe:requested"
    WIPE_CANCELLED = "identity:wipe:cancelled"
    WIPE_SENT = "identity:wipe:sent"
    WIPE_ACKNOWLEDGED = "identity:wipe:acknowledged"
    WIPE_FAILED = "identity:wipe:failed"
    WINDOW_OPENED = "identity:window:opened"
    WINDOW_USED = "identity:window:used"
    LOCKOUT_BEGUN = "identity:lockout:begun"
    COUNTER_CLEARED = "identity:counter:cleared"
    SECRET_STORED = "identity:stored_secret:stored"  # noqa: S105 - an event's name
    SECRET_SUSPENDED = "identity:stored_secret:suspended"  # noqa: S105 - an event's name
    SECRET_REMOVED = "identity:stored_secret:removed"  # noqa: S105 - an event's name
    ACCESS_ALLOWED = "decision:access:allowed"
    ACCESS_REFUSED = "decision:access:refused"
    ANSWER_WITHHELD = "gateway:answer:withheld"
    ANSWERS_UNLISTED = "gateway:answer:unlisted"
    ADMINISTRATION_REFUSED = "identity:administration:refused"
    NODE_SEEN = "node:certificate:seen"
    NODE_REVOKED = "node:certificate:revoked"


@dataclass(frozen=True, slots=True)
class AuditNote:
    """What is to be appended, before it has its place in the chain."""

    event: AuditEvent
    subject: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One link. `subject` names what was changed (UPN, "UPN device"), `actor` who did it ("uid:1000", "gateway")."""

    chain: str
    sequence: int
    at: datetime
    event: AuditEvent
    actor: str
    subject: str
    details: Mapping[str, str]
    previous_mac: bytes
    mac: bytes


def canonical_bytes(
    chain: str,
    sequence: int,
    at: datetime,
    event: AuditEvent,
    actor: str,
    subject: str,
    details: Mapping[str, str],
    previous_mac: bytes,
) -> bytes:
    """What the MAC of an entry covers: every field and the MAC before it, in one unambiguous form."""
    fields = [chain, sequence, at.isoformat(), event.value, actor, subject, dict(details), previous_mac.hex()]
    return _ENCODE(fields).encode()


_ENCODE = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode
