from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handfast.identity.ntlm_challenges import (
    ConnectionSession,
    PendingChallenge,
    PendingChallenges,
    open_session,
    seal_session,
)
from handfast.identity.records import AccountId, AppPasswordId
from tests.fakes.keyring import FakeKeyRing

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALICE = AccountId(1)


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


def _session(issued_at=NOW):
    return ConnectionSession(ALICE, AppPasswordId(7), "mail", "CONTOSO\\älice", issued_at)


def _open(keyring, sealed, **changed):
    ours = {"node": "edge1", "connection_id": "c1", "publication": "mail", "now": NOW}
    return open_session(keyring, sealed, **{**ours, **changed})


def test_a_session_opens_for_its_own_node_connection_and_publication_for_an_hour():
    keyring = FakeKeyRing()
    sealed = seal_session(keyring, _session(), node="edge1", connection_id="c1")
    assert _open(keyring, sealed) == _session()
    assert _open(keyring, sealed, now=NOW + timedelta(hours=1)) == _session()
    for changed in (
        {"node": "edge2"},
        {"connection_id": "c2"},
        {"publication": "other"},
        {"now": NOW + timedelta(hours=1, seconds=1)},
        {"now": NOW - timedelta(seconds=1)},
    ):
        assert _open(keyring, sealed, **changed) is None, changed


def test_a_session_survives_a_rotation_of_keys_but_no_change_of_a_byte():
    keyring = FakeKeyRing()
    sealed = seal_session(keyring, _session(), node="edge1", connection_id="c1")
    keyring.rotate("k2", b"new")
    assert _open(keyring, sealed) == _session()
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        assert _open(keyring, bytes(changed)) is None
    keyring.forget("k1")
    assert _open(keyring, sealed) is None


def test_node_and_connection_can_not_be_shifted_into_one_another():
    keyring = FakeKeyRing()
    sealed = seal_session(keyring, _session(), node='a", "b', connection_id="c")
    assert _open(keyring, sealed, node="a", connection_id='b", "c') is None


def test_secrets_of_a_challenge_stand_in_no_log():
    assert "8888" not in repr(_challenge())
    assert "type2" not in repr(_challenge())


def test_a_session_that_a_ticket_began_says_that_no_app_password_stands_behind_it():
    keyring = FakeKeyRing()
    by_ticket = replace(_session(), app_password_id=None)
    assert _open(keyring, seal_session(keyring, by_ticket, node="edge1", connection_id="c1")) == by_ticket
