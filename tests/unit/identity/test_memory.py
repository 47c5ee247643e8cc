"""What one identity process keeps in memory: bounded, and forgotten in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.identity.networks import NetworkSightings
from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.identity.ntlm_challenges import PendingChallenge, PendingChallenges, open_session
from handfast.identity.recent_evaluations import RecentEvaluations
from handfast.identity.records import AccountId, AppPasswordId, Evaluation
from handfast.identity.source_delays import MAX_DELAY_SECONDS, SourceDelays
from handfast.identity.sources import counted_source, home_network, parse_source
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.records import InMemoryRecords

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = AccountId(1)


@pytest.mark.parametrize(
    ("source", "counted", "home"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/64"),
        ("unix:", "unknown", "unknown"),
    ],
)
def test_sources_count_by_what_one_party_holds(source, counted, home):
    assert (counted_source(source), home_network(source)) == (counted, home)


def test_a_mapped_address_is_ipv4():
    address = parse_source("::ffff:192.0.2.1")
    assert address is not None
    assert address.version == 4


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


def test_networks_alternate_within_one_family_only():
    networks = NetworkSightings(max_devices=3)
    window = timedelta(seconds=60)

    def back(source, seconds):
        return networks.has_returned(ALICE, "P", source, window=window, now=NOW + timedelta(seconds=seconds))

    networks.note(ALICE, "P", "192.0.2.1", NOW)
    networks.note(ALICE, "P", "2001:db8::1", NOW)
    assert not back("192.0.2.9", 1), "the same network is no return"
    networks.note(ALICE, "P", "198.51.100.1", NOW + timedelta(seconds=10))
    assert back("192.0.2.9", 60)
    assert not back("192.0.2.9", 61)
    assert not back("203.0.113.1", 20)
    five = {"within": timedelta(minutes=5), "now": NOW + timedelta(seconds=20)}
    assert networks.has_moved(ALICE, "P", "192.0.2.1", **five)
    assert not networks.has_moved(ALICE, "P", "198.51.100.200", **five)
    assert not networks.has_moved(ALICE, "Q", "192.0.2.1", **five)
    networks.note(ALICE, "P", "198.51.100.2", NOW + timedelta(seconds=11))
    assert back("192.0.2.9", 30), "staying does not make the other network older"
    networks.forget(ALICE, "P")
    assert not back("192.0.2.9", 20)
    for n in range(5):
        networks.note(ALICE, f"D{n}", "192.0.2.1", NOW)
    assert not networks.has_moved(ALICE, "D0", "198.51.100.1", **five), "bounded: the oldest is forgotten"


def _challenge(connection="c", at=NOW):
    return PendingChallenge("mail", connection, b"8" * 8, b"type2", at)


def test_a_challenge_is_taken_once_by_its_own_connection_in_time():
    pending = PendingChallenges(max_pending=2)
    ours = {"publication": "mail", "connection_id": "c", "now": NOW}
    pending.put("a", _challenge())
    assert pending.take("a", **ours) == _challenge()
    assert pending.take("a", **ours) is None
    for wrong in ({"connection_id": "d"}, {"publication": "x"}, {"now": NOW + timedelta(seconds=61)}):
        pending.put("a", _challenge())
        assert pending.take("a", **{**ours, **wrong}) is None
        assert pending.take("a", **ours) is None, "a wrong try spends it"
    for name in "abc":
        pending.put(name, _challenge())
    assert len(pending) == 2
    pending.put("late", _challenge(at=NOW + timedelta(minutes=2)))
    assert len(pending) == 1


@pytest.mark.parametrize(
    "sealed", [b"", b"no separator", b"k1\0short", b"\xff\0" + b"x" * 60, b"k9\0" + b"x" * 60]
)
def test_any_bytes_are_a_session_or_none(sealed):
    opened = open_session(FakeKeyRing(), sealed, node="n", connection_id="c", publication="mail", now=NOW)
    assert opened is None


def test_candidates_are_sixteen_and_a_moved_hash_fits_nothing():
    keyring = FakeKeyRing()
    opener = NtCandidateOpener(keyring, [bytes([n]) * 16 for n in range(16)])
    key_id, sealed = keyring.seal(b"h" * 16, associated="nt_hashes:7:0:1")
    rows = [(AppPasswordId(7), 0, key_id, sealed), (AppPasswordId(8), 0, key_id, sealed)]
    found = opener.open(ALICE, rows)
    assert (len(found.hashes), len(found.passwords)) == (16, 16)
    assert (found.hashes[0], found.passwords[0]) == (b"h" * 16, 7)
    assert set(found.passwords[1:]) == {None}
    assert len(opener.open(None, ()).hashes) == 16
    with pytest.raises(ValueError, match="16"):
        NtCandidateOpener(keyring, [])


def _evaluation(name):
    return Evaluation(name, NOW, "n", "p", "l", "s", "c", "u", None, None, "deny", "r", ())


async def test_the_ring_is_bounded_and_flushed_in_batches():
    recent, records = RecentEvaluations(capacity=5), InMemoryRecords()
    assert await recent.flush(records) == 0
    for n in range(8):
        recent.add(_evaluation(f"r{n}"))
    assert recent.dropped == 3
    assert recent.find("r2") is None
    assert await recent.flush(records, batch=2) == 2
    assert sorted(records.tables.evaluations) == ["r6", "r7"]
    assert recent.find("r7") is None
    assert recent.find("r5") is not None
