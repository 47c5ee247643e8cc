from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.identity.records import AccountId
from handfast.identity.sealed_notes import MAX_NOTE_BYTES, NOTE_LIFE
from handfast.identity.wipe_notes import WipeNote, open_note, seal_note
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.one_phone import NOW

NOTE = WipeNote(AccountId(1), "P1", NOW - timedelta(hours=1), NOW)


@pytest.fixture
def keyring():
    return FakeKeyRing()


def test_a_note_opens_for_its_node_while_it_is_young(keyring):
    sealed = seal_note(keyring, NOTE, node="edge1")
    assert open_note(keyring, sealed, node="edge1", now=NOW + NOTE_LIFE) == NOTE
    assert len(sealed) <= MAX_NOTE_BYTES


@pytest.mark.parametrize(
    ("node", "now"),
    [
        ("edge2", NOW),
        ("edge1", NOW + NOTE_LIFE + timedelta(seconds=1)),
        ("edge1", NOW - timedelta(seconds=1)),
    ],
)
def test_it_opens_for_nobody_else_and_not_for_ever(keyring, node, now):
    assert open_note(keyring, seal_note(keyring, NOTE, node="edge1"), node=node, now=now) is None


def test_a_changed_note_is_none(keyring):
    sealed = bytearray(seal_note(keyring, NOTE, node="edge1"))
    sealed[-1] ^= 1
    assert open_note(keyring, bytes(sealed), node="edge1", now=NOW) is None
