"""Finds what was done to the audit trail behind our back: edited, deleted, reordered or cut.

A chain is walked from its first entry: the numbers leave no gap, each entry names the MAC before it and carries its
own, the head (authenticated too) names the last. Whoever restores an older head with fewer entries is told by
checkpoints kept elsewhere, each of which must be met on the way.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from handfast.identity.audit import AuditEntry, canonical_bytes
from handfast.identity.checkpoints import Checkpoint, is_authentic
from handfast.identity.ports import AuditTrail, KeyRing

PAGE = 1000
MAX_FINDINGS = 1000
"""Of one chain; what follows the first few adds nothing."""


class FindingKind(StrEnum):
    """What is wrong, in words for an administrator."""

    EDITED = "the entry was edited, or written without the key"
    UNREADABLE = "the entry was edited into something that is none"
    MISSING = "entries are missing here"
    UNLINKED = "the entry does not follow the one before it: reordered or replaced"
    HEAD_MISSING = "the head of the chain is missing"
    HEAD_FORGED = "the head of the chain was edited, or written without the key"
    CUT = "the newest entries were cut off"
    BEYOND_HEAD = "the head is older than the newest entry: it was put back"
    CHECKPOINT_FORGED = "a checkpoint was not signed under our key"
    CHECKPOINT_CONTRADICTED = "the entry is not the one a checkpoint has seen: rewritten with the key"
    CHECKPOINT_BEYOND = "a checkpoint has seen later entries: the trail was cut, or an older backup restored"


@dataclass(frozen=True, slots=True)
class Finding:
    """Where, by chain and sequence number (of the entry concerned, or the first one missing)."""

    chain: str
    sequence: int
    kind: FindingKind

    def __str__(self) -> str:
        return f"{self.chain}:{self.sequence}: {self.kind.value}"


def head_bytes(chain: str, sequence: int, mac: bytes) -> bytes:
    """What the head's MAC covers. No entry's bytes begin like this, so that one can't stand for the other."""
    return f"head|{chain}|{sequence}|{mac.hex()}".encode("utf-8", "backslashreplace")


class ChainVerifier:
    """Walks one chain page by page, so that a long trail needs no long transaction.

    `read_page` until it says False, then `finish` within one more transaction.
    """

    def __init__(self, chain: str, keyring: KeyRing, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self.chain = chain
        self.entries = 0
        self.findings: list[Finding] = []
        self._keyring = keyring
        self._sequence = 0
        self._mac = b""
        self._expected: dict[int, list[Checkpoint]] = {}
        self._newest_checkpoint = 0
        for checkpoint in checkpoints:
            if checkpoint.chain == chain:
                self._expect(checkpoint)

    def read_page(self, audit: AuditTrail) -> bool:
        """Walks on; False where no entry was left."""
        try:
            page = audit.entries(chain=self.chain, after=self._sequence, limit=PAGE)
        except ValueError:
            return self._read_one(audit)
        for entry in page:
            self._walk(entry)
        return bool(page)

    def finish(self, audit: AuditTrail) -> Sequence[Finding]:
        """Walks what was appended meanwhile, then compares with head and checkpoints."""
        while self.read_page(audit):
            pass
        self._compare_head(audit.head(self.chain))
        if self._newest_checkpoint > self._sequence:
            self._find(self._sequence + 1, FindingKind.CHECKPOINT_BEYOND)
        return self.findings

    def _expect(self, checkpoint: Checkpoint) -> None:
        if not is_authentic(self._keyring, checkpoint):
            self._find(checkpoint.sequence, FindingKind.CHECKPOINT_FORGED)
            return
        self._expected.setdefault(checkpoint.sequence, []).append(checkpoint)
        self._newest_checkpoint = max(self._newest_checkpoint, checkpoint.sequence)

    def _read_one(self, audit: AuditTrail) -> bool:
        """Some entry of the page can't be read: takes the page's entries singly."""
        try:
            entries = audit.entries(chain=self.chain, after=self._sequence, limit=1)
        except ValueError:
            self._sequence += 1
            self._mac = b""
            self._find(self._sequence, FindingKind.UNREADABLE)
            return True
        for entry in entries:
            self._walk(entry)
        return bool(entries)

    def _walk(self, entry: AuditEntry) -> None:
        self.entries += 1
        if entry.sequence != self._sequence + 1:
            self._find(self._sequence + 1, FindingKind.MISSING)
        elif not hmac.compare_digest(entry.previous_mac, self._mac):
            self._find(entry.sequence, FindingKind.UNLINKED)
        if not hmac.compare_digest(entry.mac, self._mac_of(entry)):
            self._find(entry.sequence, FindingKind.EDITED)
        for checkpoint in self._expected.pop(entry.sequence, ()):
            if not hmac.compare_digest(checkpoint.mac, entry.mac):
                self._find(entry.sequence, FindingKind.CHECKPOINT_CONTRADICTED)
        self._sequence, self._mac = entry.sequence, entry.mac

    def _mac_of(self, entry: AuditEntry) -> bytes:
        return self._keyring.audit_mac(
            canonical_bytes(
                self.chain,
                entry.sequence,
                entry.at,
                entry.event,
                entry.actor,
                entry.subject,
                entry.details,
                entry.previous_mac,
            )
        )

    def _compare_head(self, head: tuple[int, bytes, bytes] | None) -> None:
        if head is None:
            if self._sequence:
                self._find(self._sequence, FindingKind.HEAD_MISSING)
            return
        sequence, mac, head_mac = head
        expected = self._keyring.audit_mac(head_bytes(self.chain, sequence, mac))
        if not hmac.compare_digest(head_mac, expected):
            self._find(sequence, FindingKind.HEAD_FORGED)
        elif sequence > self._sequence:
            self._find(self._sequence + 1, FindingKind.CUT)
        elif sequence < self._sequence:
            self._find(self._sequence, FindingKind.BEYOND_HEAD)
        elif not hmac.compare_digest(mac, self._mac):
            self._find(sequence, FindingKind.UNLINKED)

    def _find(self, sequence: int, kind: FindingKind) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(self.chain, sequence, kind))


def verify_trail(
    audit: AuditTrail, keyring: KeyRing, checkpoints: Sequence[Checkpoint] = ()
) -> Sequence[Finding]:
    """Every chain the database or a checkpoint knows, within one transaction; no finding means an unbroken trail."""
    findings: list[Finding] = []
    for chain in sorted({*audit.chains(), *(checkpoint.chain for checkpoint in checkpoints)}):
        findings += ChainVerifier(chain, keyring, checkpoints).finish(audit)
    return findings
