from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.identity.audit import AuditEvent, canonical_bytes

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FIELDS = {
    "chain": "identity",
    "sequence": 7,
    "at": NOW,
    "event": AuditEvent.DEVICE_BLOCKED,
    "actor": "uid:0",
    "subject": "alice P1",
    "details": {"reason": "lost"},
    "previous_mac": b"\x01\x02",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"chain": "identity2"},
        {"sequence": 8},
        {"at": NOW + timedelta(microseconds=1)},
        {"event": AuditEvent.DEVICE_UNBLOCKED},
        {"actor": "uid:1"},
        {"subject": "alice P2"},
        {"details": {"reason": "stolen"}},
        {"details": {}},
        {"previous_mac": b"\x01\x03"},
    ],
)
def test_the_mac_covers_every_field(changed):
    assert canonical_bytes(**{**FIELDS, **changed}) != canonical_bytes(**FIELDS)


def test_the_order_of_details_is_no_difference():
    one = canonical_bytes(**{**FIELDS, "details": {"a": "1", "b": "2"}})
    assert one == canonical_bytes(**{**FIELDS, "details": {"b": "2", "a": "1"}})


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_two_texts_can_not_flow_into_one_another(first, second):
    def encoded(pair):
        return canonical_bytes(**{**FIELDS, "actor": pair[0], "subject": pair[1]})

    assert (encoded(first) == encoded(second)) == (first == second)


def test_events_are_area_subject_action_and_each_is_one():
    assert all(len(event.value.split(":")) == 3 for event in AuditEvent)
    assert len({event.value for event in AuditEvent}) == len(AuditEvent)
