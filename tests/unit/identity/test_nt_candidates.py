from __future__ import annotations

import pytest

from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.identity.records import AccountId, AppPasswordId
from tests.fakes.keyring import FakeKeyRing

ALICE = AccountId(1)


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
