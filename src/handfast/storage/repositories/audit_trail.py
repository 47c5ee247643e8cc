"""The chained trail: each entry in the transaction of the change it tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, select, union
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert

from handfast.identity.audit import AuditEntry, AuditEvent, AuditNote, canonical_bytes
from handfast.identity.audit_verification import head_bytes
from handfast.identity.ports import KeyRing
from handfast.storage.schema import audit_entries, audit_heads
from handfast.storage.statements import Row, Transaction

MAX_DETAILS = 32
"""Details an entry."""
MAX_TEXT_CHARACTERS = 1024
"""Of an actor, a subject, and each detail's name and value: a client's text must not fill the disk."""

_COLUMNS = ("chain", "sequence", "at", "event", "actor", "subject", "details", "previous_mac", "mac")
_c = audit_entries.c
_h = audit_heads.c
_HEAD = select(_h.sequence, _h.mac, _h.head_mac).where(_h.chain == bindparam("chain"))
_LOCKED_HEAD = _HEAD.with_for_update()
_APPEND = plain_insert(audit_entries).values({name: bindparam(name) for name in _COLUMNS})
_MOVE_HEAD = (
    insert(audit_heads)
    .values({name: bindparam(name) for name in ("chain", "sequence", "mac", "head_mac")})
    .on_conflict_do_update(
        index_elements=["chain"],
        set_={name: bindparam(name) for name in ("sequence", "mac", "head_mac")},
    )
)
_ENTRY = select(*(_c[name] for name in _COLUMNS)).where(_c.sequence > bindparam("after"))
_OF_CHAIN = _ENTRY.where(_c.chain == bindparam("chain")).order_by(_c.sequence).limit(bindparam("page"))
_OF_ALL = _ENTRY.order_by(_c.chain, _c.sequence).limit(bindparam("page"))
# From both tables: a chain whose head was deleted must still be found, and so must one whose entries were.
_CHAINS = union(select(_h.chain), select(_c.chain).distinct())


def bounded(text: str) -> str:
    """At most `MAX_TEXT_CHARACTERS`; what was cut off shows by an ellipsis."""
    return text if len(text) <= MAX_TEXT_CHARACTERS else text[: MAX_TEXT_CHARACTERS - 1] + "…"


def _bounded_details(details: Mapping[str, str]) -> dict[str, str]:
    kept = sorted(details.items())[:MAX_DETAILS]
    return {bounded(name): bounded(value) for name, value in kept}


def _entry(row: Row) -> AuditEntry:
    chain, sequence, at, event, actor, subject, details, previous_mac, mac = row
    return AuditEntry(
        chain, sequence, at, AuditEvent(event), actor, subject, json.loads(details), previous_mac, mac
    )


def _values(entry: AuditEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in _COLUMNS}
    return {**values, "details": json.dumps(entry.details)}


class SqlAuditTrail:
    """Fits `identity.ports.AuditTrail`; appends to the chain of this process alone."""

    def __init__(self, transaction: Transaction, keyring: KeyRing, chain: str) -> None:
        self._t = transaction
        self._keyring = keyring
        self._chain = chain

    def append(
        self,
        event: AuditEvent,
        *,
        now: datetime,
        actor: str,
        subject: str,
        details: Mapping[str, str] | None = None,
    ) -> AuditEntry:
        """Texts are cut to their bounds first; the MAC covers what is stored."""
        (entry,) = self._link([AuditNote(event, subject, details or {})], now, actor)
        self._t.run(_APPEND, **_values(entry))
        self._move_head(entry)
        return entry

    def append_all(self, notes: Sequence[AuditNote], *, now: datetime, actor: str) -> None:
        """As `append`."""
        if notes:
            entries = self._link(notes, now, actor)
            self._t.run_many(_APPEND, [_values(entry) for entry in entries])
            self._move_head(entries[-1])

    def _link(self, notes: Sequence[AuditNote], now: datetime, actor: str) -> list[AuditEntry]:
        """The notes as the next entries of the chain, whose head is locked."""
        head = self._t.first(_LOCKED_HEAD, chain=self._chain)
        sequence, previous = (head[0], head[1]) if head is not None else (0, b"")
        actor, at, entries = bounded(actor), now.astimezone(UTC), []
        for note in notes:
            sequence += 1
            subject, kept = bounded(note.subject), _bounded_details(note.details)
            mac = self._keyring.audit_mac(
                canonical_bytes(self._chain, sequence, at, note.event, actor, subject, kept, previous)
            )
            entries.append(
                AuditEntry(self._chain, sequence, at, note.event, actor, subject, kept, previous, mac)
            )
            previous = mac
        return entries

    def _move_head(self, newest: AuditEntry) -> None:
        head_mac = self._keyring.audit_mac(head_bytes(self._chain, newest.sequence, newest.mac))
        self._t.run(
            _MOVE_HEAD, chain=self._chain, sequence=newest.sequence, mac=newest.mac, head_mac=head_mac
        )

    def entries(self, *, chain: str | None = None, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """By chain, then sequence; `after` is a sequence number.

        Raises: ValueError where a row was edited into something that is no entry (an unknown event, broken details).
        """
        if chain is None:
            rows = self._t.all(_OF_ALL, after=after, page=limit)
        else:
            rows = self._t.all(_OF_CHAIN, chain=chain, after=after, page=limit)
        return [_entry(row) for row in rows]

    def chains(self) -> Sequence[str]:
        return sorted(row[0] for row in self._t.all(_CHAINS))

    def head(self, chain: str) -> tuple[int, bytes, bytes] | None:
        row = self._t.first(_HEAD, chain=chain)
        return None if row is None else (row[0], row[1], row[2])
