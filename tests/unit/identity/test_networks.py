from __future__ import annotations

from datetime import UTC, datetime, timedelta

from handfast.identity.networks import NetworkSightings
from handfast.identity.records import AccountId

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = AccountId(1)


def test_networks_alternate_within_one_family_only():
    networks = NetworkSightings(max_devices=3)

    def back(source, seconds):
        return networks.returned_after(ALICE, "P", source, now=NOW + timedelta(seconds=seconds))

    networks.note(ALICE, "P", "192.0.2.1", NOW)
    networks.note(ALICE, "P", "2001:db8::1", NOW)
    assert back("192.0.2.9", 1) is None, "the same network is no return"
    networks.note(ALICE, "P", "198.51.100.1", NOW + timedelta(seconds=10))
    assert back("192.0.2.9", 60) == timedelta(seconds=60)
    assert back("203.0.113.1", 20) is None
    five = {"within": timedelta(minutes=5), "now": NOW + timedelta(seconds=20)}
    assert networks.has_moved(ALICE, "P", "192.0.2.1", **five)
    assert not networks.has_moved(ALICE, "P", "198.51.100.200", **five)
    assert not networks.has_moved(ALICE, "Q", "192.0.2.1", **five)
    networks.note(ALICE, "P", "198.51.100.2", NOW + timedelta(seconds=11))
    assert back("192.0.2.9", 30) == timedelta(seconds=30), "staying does not make the other network older"
    networks.forget(ALICE, "P")
    assert back("192.0.2.9", 20) is None
    for n in range(5):
        networks.note(ALICE, f"D{n}", "192.0.2.1", NOW)
    assert not networks.has_moved(ALICE, "D0", "198.51.100.1", **five), "bounded: the oldest is forgotten"
