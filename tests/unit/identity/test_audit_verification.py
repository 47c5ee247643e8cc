"""Every way a trail can be tampered with, and the finding it yields. On real databases: tests/contracts/test_tampering.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity import audit_verification
from handfast.identity.audit import AuditEntry, AuditEvent, canonical_bytes
from handfast.identity.audit_verification import ChainVerifier, Finding, FindingKind, head_bytes, verify_trail
from handfast.identity.checkpoints import issue_checkpoint
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing

KEYRING = FakeKeyRing()
BROKEN = "broken"


class Trail:
    """Fits `AuditTrail` for reading; an entry of subject BROKEN can't be read."""

    def __init__(self, count: int = 5, chain: str = "c") -> None:
        self.chain = chain
        self.stored: list[AuditEntry] = []
        for number in range(1, count + 1):
            self.append(f"s{number}")
        self.heads = {chain: self.real_head()} if count else {}

    def append(self, subject: str, keyring: FakeKeyRing = KEYRING) -> None:
        previous = self.stored[-1].mac if self.stored else b""
        fields = (
            self.chain,
            len(self.stored) + 1,
            START,
            AuditEvent.DEVICE_BLOCKED,
            "a",
            subject,
            {},
            previous,
        )
        self.stored.append(AuditEntry(*fields, keyring.audit_mac(canonical_bytes(*fields))))

    def real_head(self) -> tuple[int, bytes, bytes]:
        newest = self.stored[-1]
        mac = KEYRING.audit_mac(head_bytes(self.chain, newest.sequence, newest.mac))
        return newest.sequence, newest.mac, mac

    def entries(self, *, chain=None, after=0, limit=1000):
        page = [e for e in self.stored if e.sequence > after and chain in (None, e.chain)][:limit]
        if any(e.subject == BROKEN for e in page):
            raise ValueError("no entry")
        return page

    def chains(self):
        return sorted({e.chain for e in self.stored})

    def head(self, chain):
        return self.heads.get(chain)


def found(trail: Trail, checkpoints=()) -> set[tuple[int, FindingKind]]:
    return {(f.sequence, f.kind) for f in verify_trail(trail, KEYRING, checkpoints)}


def test_an_unbroken_trail_has_no_findings() -> None:
    assert found(Trail()) == set()
    assert found(Trail(0)) == set()


@pytest.mark.parametrize("field", ["subject", "actor"])
def test_an_edited_text(field) -> None:
    trail = Trail()
    trail.stored[1] = replace(trail.stored[1], **{field: "other"})
    assert found(trail) == {(2, FindingKind.EDITED)}


def test_an_entry_written_without_the_key() -> None:
    trail = Trail(4)
    trail.append("forged", FakeKeyRing(b"another key"))
    trail.heads["c"] = trail.real_head()
    assert found(trail) == {(5, FindingKind.EDITED)}


def test_a_deleted_entry() -> None:
    trail = Trail()
    del trail.stored[2]
    assert found(trail) == {(3, FindingKind.MISSING)}


def test_a_deleted_entry_whose_gap_was_closed() -> None:
    trail = Trail()
    del trail.stored[4], trail.stored[2]
    trail.stored[2] = replace(trail.stored[2], sequence=3)
    assert {(3, FindingKind.EDITED), (3, FindingKind.UNLINKED), (4, FindingKind.CUT)} == found(trail)


def test_an_entry_of_another_chain_does_not_fit() -> None:
    trail = Trail()
    trail.stored[1] = replace(Trail(chain="other").stored[1], chain="c")
    assert found(trail) == {(2, FindingKind.EDITED), (2, FindingKind.UNLINKED), (3, FindingKind.UNLINKED)}


def test_a_cut_tail() -> None:
    trail = Trail()
    del trail.stored[3:]
    assert found(trail) == {(4, FindingKind.CUT)}


def test_a_missing_head() -> None:
    trail = Trail()
    trail.heads = {}
    assert found(trail) == {(5, FindingKind.HEAD_MISSING)}


def test_a_head_edited_to_hide_a_cut() -> None:
    trail = Trail()
    del trail.stored[3:]
    sequence, mac, _ = trail.real_head()
    trail.heads["c"] = (sequence, mac, b"\0" * 32)
    assert found(trail) == {(3, FindingKind.HEAD_FORGED)}


def test_a_head_older_than_the_trail() -> None:
    trail = Trail(3)
    trail.append("later")
    assert found(trail) == {(4, FindingKind.BEYOND_HEAD)}


def test_a_head_that_names_another_entry() -> None:
    trail = Trail(1)
    mac = b"x" * 32
    trail.heads["c"] = (1, mac, KEYRING.audit_mac(head_bytes("c", 1, mac)))
    assert found(trail) == {(1, FindingKind.UNLINKED)}


def test_unreadable_entries_do_not_hide_the_others() -> None:
    trail = Trail()
    trail.stored[1] = replace(trail.stored[1], subject=BROKEN)
    trail.stored[3] = replace(trail.stored[3], actor="other")
    assert found(trail) == {
        (2, FindingKind.UNREADABLE),
        (3, FindingKind.UNLINKED),
        (4, FindingKind.EDITED),
    }


def checkpoint(trail: Trail, index: int, keyring=KEYRING):
    entry = trail.stored[index]
    return issue_checkpoint(keyring, "c", entry.sequence, entry.mac, START)


def test_checkpoints_that_agree() -> None:
    trail = Trail()
    assert found(trail, [checkpoint(trail, 1), checkpoint(trail, 1), checkpoint(trail, 4)]) == set()


def test_a_trail_rewritten_with_the_key() -> None:
    before = checkpoint(Trail(), 3)
    rewritten = Trail(3)
    for _ in range(2):
        rewritten.append("other")
    rewritten.heads["c"] = rewritten.real_head()
    assert found(rewritten) == set()
    assert found(rewritten, [before]) == {(4, FindingKind.CHECKPOINT_CONTRADICTED)}


def test_an_older_trail_put_back() -> None:
    assert found(Trail(3), [checkpoint(Trail(), 4)]) == {(4, FindingKind.CHECKPOINT_BEYOND)}
    assert found(Trail(0), [checkpoint(Trail(), 4)]) == {(1, FindingKind.CHECKPOINT_BEYOND)}


def test_a_forged_checkpoint_proves_nothing() -> None:
    trail = Trail()
    forged = replace(checkpoint(trail, 4), sequence=99)
    assert found(trail, [forged]) == {(99, FindingKind.CHECKPOINT_FORGED)}


def test_pages_give_the_same_as_one_walk(monkeypatch) -> None:
    monkeypatch.setattr(audit_verification, "PAGE", 2)
    trail = Trail(7)
    verifier = ChainVerifier("c", KEYRING)
    pages = 0
    while verifier.read_page(trail):
        pages += 1
    assert (pages, verifier.entries) == (4, 7)
    trail.append("meanwhile")
    trail.heads["c"] = trail.real_head()
    assert verifier.finish(trail) == []
    assert verifier.entries == 8


def test_findings_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(audit_verification, "MAX_FINDINGS", 3)
    trail = Trail(9)
    trail.stored = [replace(entry, actor="other") for entry in trail.stored]
    assert len(verify_trail(trail, KEYRING)) == 3


def test_a_finding_reads_as_a_sentence() -> None:
    assert str(Finding("c", 4, FindingKind.MISSING)) == "c:4: entries are missing here"


def test_checkpoints_of_another_chain_say_nothing_of_this_one() -> None:
    trail = Trail()
    foreign = issue_checkpoint(KEYRING, "other", 99, b"x", START)
    verifier = ChainVerifier("c", KEYRING, [foreign])
    assert verifier.finish(trail) == []
    assert verifier.entries == 5
