import hmac
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from handfast.identity.records import AccountId
from handfast.keys.key_file import MasterKey
from handfast.keys.key_ring import FileKeyRing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD = MasterKey("00000001", NOW, bytes(range(32)))
NEW = MasterKey("00000002", NOW, bytes(range(1, 33)))
RING = FileKeyRing([OLD, NEW])


def hkdf(secret: bytes, info: bytes) -> bytes:
    """RFC 5869 by hand, one block: an implementation that shares nothing with the one under test."""
    extracted = hmac.digest(bytes(32), secret, sha256)
    return hmac.digest(extracted, info + b"\x01", sha256)


def test_verifiers_are_hmacs_under_every_key_the_current_first():
    expected = [
        (key.id, hmac.digest(hkdf(key.secret, b"handfast/1/verifier"), b"17\x00secret", sha256))
        for key in (NEW, OLD)
    ]
    assert list(RING.verifiers(AccountId(17), "secret")) == expected


def test_account_and_secret_do_not_run_together():
    assert RING.verifiers(AccountId(1), "2x") != RING.verifiers(AccountId(12), "x")


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_unseals_in_its_place_only(plaintext: bytes, place: str):
    key_id, sealed = RING.seal(plaintext, associated=place)
    assert key_id == RING.current_key_id == NEW.id
    assert RING.unseal(key_id, sealed, associated=place) == plaintext
    with pytest.raises(ValueError, match="moved"):
        RING.unseal(key_id, sealed, associated=place + "x")
    with pytest.raises(ValueError, match="changed"):
        RING.unseal(key_id, sealed[:-1] + bytes([sealed[-1] ^ 1]), associated=place)


def test_unseal_refuses_short_values_and_unknown_keys():
    with pytest.raises(ValueError, match="short"):
        RING.unseal(NEW.id, b"x" * 12, associated="")
    with pytest.raises(ValueError, match="does not hold"):
        RING.unseal("ffffffff", b"x" * 40, associated="")


def test_what_an_older_key_sealed_opens_after_rotation():
    key_id, sealed = FileKeyRing([OLD]).seal(b"old", associated="a")
    assert RING.unseal(key_id, sealed, associated="a") == b"old"


def test_the_audit_chain_survives_rotation():
    assert RING.audit_mac(b"m") == FileKeyRing([OLD]).audit_mac(b"m")
    assert RING.audit_mac(b"m") != RING.audit_mac(b"n")


def test_checkpoints_verify_elsewhere_with_the_public_key_alone():
    signature = RING.sign_checkpoint(b"checkpoint")
    load_pem_public_key(RING.checkpoint_public_key()).verify(signature, b"checkpoint")
    assert RING.verify_checkpoint(b"checkpoint", signature)
    assert not RING.verify_checkpoint(b"checkpoinT", signature)
    assert not RING.verify_checkpoint(b"checkpoint", b"")


def test_purposes_have_keys_of_their_own():
    verifier = dict(RING.verifiers(AccountId(1), "x"))[OLD.id]
    assert RING.audit_mac(b"1\x00x") != verifier


def test_a_ring_needs_a_key():
    with pytest.raises(ValueError, match="at least one"):
        FileKeyRing([])
