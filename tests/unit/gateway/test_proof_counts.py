"""What is told of proofs that nobody could look at: all are counted, and a line comes once a minute."""

from __future__ import annotations

from types import SimpleNamespace

from handfast.gateway import proof_counts
from handfast.gateway.proof_counts import TELL_SECONDS, ProofCounts
from handfast.observability.metrics import BACKEND_PROOFS


def test_each_publication_has_a_line_a_minute_with_what_came_since(monkeypatch):
    told = []
    log = SimpleNamespace(
        warning=lambda event, **more: told.append((event, more["publication"], more["count"]))
    )
    monkeypatch.setattr(proof_counts, "_LOG", log)
    now = 0.0
    counts = ProofCounts(lambda: now)
    before = BACKEND_PROOFS.labels("one", "unseen")._value.get()
    for publication in ("one", "one", "two", "one"):
        counts.note_unseen(publication, "r", "gone")
    now += TELL_SECONDS
    counts.note_unseen("one", "r", "gone")
    event = "backend-proof-not-looked-at"
    assert told == [(event, "one", 1), (event, "two", 1), (event, "one", 3)]
    assert BACKEND_PROOFS.labels("one", "unseen")._value.get() - before == 4
