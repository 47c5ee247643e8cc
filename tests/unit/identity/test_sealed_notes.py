from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.identity.sealed_notes import MAX_NOTE_BYTES, NOTE_LIFE, open_fields, seal_fields
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.one_phone import NOW


@pytest.fixture
def keyring():
    return FakeKeyRing()


def seal(keyring) -> bytes:
    return seal_fields(keyring, "a purpose", (1, "P1"), node="edge1", issued_at=NOW)


def test_a_note_opens_for_its_node_and_purpose_while_it_is_young(keyring):
    sealed = seal(keyring)
    opened = open_fields(keyring, "a purpose", sealed, node="edge1", now=NOW + NOTE_LIFE)
    assert opened == (NOW, [1, "P1"])


@pytest.mark.parametrize(
    ("purpose", "node", "now"),
    [
        ("another purpose", "edge1", NOW),
        ("a purpose", "edge2", NOW),
        ("a purpose", "edge1", NOW + NOTE_LIFE + timedelta(seconds=1)),
        ("a purpose", "edge1", NOW - timedelta(seconds=1)),
    ],
)
def test_it_opens_for_nothing_else_for_nobody_else_and_not_for_ever(keyring, purpose, node, now):
    assert open_fields(keyring, purpose, seal(keyring), node=node, now=now) is None


def test_a_changed_note_is_none(keyring):
    sealed = bytearray(seal(keyring))
    sealed[-1] ^= 1
    assert open_fields(keyring, "a purpose", bytes(sealed), node="edge1", now=NOW) is None
    long = b"x" * (MAX_NOTE_BYTES + 1)
    assert open_fields(keyring, "a purpose", long, node="edge1", now=NOW) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_no_note(sealed):
    assert open_fields(FakeKeyRing(), "a purpose", sealed, node="edge1", now=NOW) is None
