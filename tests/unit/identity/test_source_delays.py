from __future__ import annotations

from datetime import UTC, datetime, timedelta

from handfast.identity.source_delays import MAX_DELAY_SECONDS, SourceDelays

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_failures_wait_longer_and_are_forgotten():
    delays = SourceDelays(max_sources=2)
    waits = [delays.record_failure("192.0.2.1", NOW) for _ in range(40)]
    assert waits[:5] == [0.0] * 5
    assert waits == sorted(waits)
    assert waits[-1] == MAX_DELAY_SECONDS
    assert delays.record_failure("192.0.2.1", NOW + timedelta(minutes=15)) == 0.0
    for source in ("192.0.2.2", "192.0.2.3"):
        delays.record_failure(source, NOW)
    assert delays.failures_of("192.0.2.1", NOW) == 0
    assert (delays.clear("192.0.2.2"), delays.clear("192.0.2.2"), delays.clear()) == (1, 0, 1)


def test_one_wrong_ntlm_secret_of_a_workstation_counts_once_in_ten_minutes():
    delays = SourceDelays(max_sources=2)
    for _ in range(10):
        delays.record_ntlm_failure("alice", "192.0.2.1", "PC", NOW)
    assert delays.failures_of("192.0.2.1", NOW) == 1
    delays.record_ntlm_failure("alice", "192.0.2.1", "PC", NOW + timedelta(minutes=10))
    for workstation in ("PC2", "PC3"):
        delays.record_ntlm_failure("alice", "192.0.2.1", workstation, NOW)
    assert delays.failures_of("192.0.2.1", NOW) == 4
