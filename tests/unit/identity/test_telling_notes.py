from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.identity.records import AccountId
from handfast.identity.sealed_notes import MAX_NOTE_BYTES, NOTE_LIFE
from handfast.identity.telling_notes import TellingNote, open_telling, seal_telling
from handfast.identity.wipe_notes import WipeNote, open_note, seal_note
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.one_phone import NOW

NOTE = TellingNote(AccountId(1), "P1", "mail", NOW)


@pytest.fixture
def keyring():
    return FakeKeyRing()


def test_a_note_opens_for_its_node_while_it_is_young(keyring):
    sealed = seal_telling(keyring, NOTE, node="edge1")
    assert open_telling(keyring, sealed, node="edge1", now=NOW + NOTE_LIFE) == NOTE
    assert len(sealed) <= MAX_NOTE_BYTES
    assert open_telling(keyring, sealed, node="edge2", now=NOW) is None
    late = NOW + NOTE_LIFE + timedelta(seconds=1)
    assert open_telling(keyring, sealed, node="edge1", now=late) is None


def test_it_is_no_order_to_wipe_and_an_order_is_no_such_note(keyring):
    assert open_note(keyring, seal_telling(keyring, NOTE, node="edge1"), node="edge1", now=NOW) is None
    order = seal_note(keyring, WipeNote(AccountId(1), "P1", NOW, NOW), node="edge1")
    assert open_telling(keyring, order, node="edge1", now=NOW) is None
