from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.identity.app_passwords import (
    ALPHABET,
    MAX_SECRET_CHARACTERS,
    PasswordRefusal,
    associated_data,
    bind_password,
    canonical_form,
    channels_of,
    find_password,
    find_refusal,
    generate_password,
    with_hyphens,
)
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.records import AccountId
from handfast.protocols.ntlm.hashes import nt_hash
from tests.fakes.identity_process import IdentityProcess
from tests.fakes.one_phone import FRESH, NOW
from tests.fakes.randomness import SeededRandomness


def test_a_password_is_25_letters_in_five_groups():
    secret = generate_password(SeededRandomness())
    assert [len(group) for group in secret.split("-")] == [5] * 5
    assert len(set(ALPHABET)) == 24
    assert set(secret) <= {*ALPHABET, "-"}


@given(st.text(max_size=400))
def test_the_canonical_form_is_stable_bounded_and_blind_to_hyphens_spaces_and_case(text):
    canonical = canonical_form(text)
    assert canonical_form(canonical) == canonical
    assert len(canonical) <= MAX_SECRET_CHARACTERS
    assert "-" not in canonical
    assert " " not in canonical


@given(st.text(ALPHABET, min_size=25, max_size=25))
def test_what_people_type_is_one_password(letters):
    for typed in (letters, with_hyphens(letters), with_hyphens(letters).replace("-", " ").upper()):
        assert canonical_form(typed) == letters


def test_only_ascii_is_folded():
    assert canonical_form("Ä\u212aABC") == "Ä\u212aabc", "a Kelvin sign is no k"


async def test_a_password_is_found_by_its_account_alone_and_after_a_key_rotation():
    identity = IdentityProcess()
    alice, bob = await identity.add_account("alice"), await identity.add_account("bob")
    secret, password = await identity.issue(alice)
    identity.keyring.rotate("k2", b"new")

    def look(account_id, text):
        return identity.records.read(lambda r: find_password(r, identity.keyring, account_id, text))

    assert await look(alice.id, secret) == password
    assert await look(bob.id, secret) is None
    assert await look(AccountId(0), secret) is None
    identity.keyring.forget("k1")
    assert await look(alice.id, secret) is None


async def test_both_forms_are_sealed_in_their_place():
    identity = IdentityProcess()
    alice = await identity.add_account()
    secret, password = await identity.issue(alice, ntlm=True)
    rows = identity.records.tables.nt_hashes
    for slot, form in ((0, secret.replace("-", "")), (1, secret)):
        key_id, sealed = rows[password.id, slot]
        place = associated_data(password.id, slot, alice.id)
        assert identity.keyring.unseal(key_id, sealed, associated=place) == nt_hash(form)


async def test_the_loser_of_a_race_is_audited():
    identity = IdentityProcess()
    alice = await identity.add_account()
    _, password = await identity.issue(alice)
    now = identity.clock.now()
    results = [
        await identity.records.write(lambda r, d=device: bind_password(r, alice, password, d, now=now))
        for device in ("A", "B")
    ]
    assert results == [True, False]
    assert identity.audit_events[-2:] == [
        "identity:app_password:bound",
        "identity:app_password:possible-theft",
    ]
    assert identity.records.tables.audit[-1].details["bound_device"] == "A"


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({}, None),
        ({"revoked_at": NOW}, PasswordRefusal.REVOKED),
        ({"revoked_at": NOW, "expires_at": NOW}, PasswordRefusal.REVOKED),
        ({"expires_at": NOW}, PasswordRefusal.EXPIRED),
        ({"expires_at": NOW + timedelta(seconds=1)}, None),
        ({"use_by": NOW}, PasswordRefusal.EXPIRED),
        ({"use_by": NOW, "first_used_at": NOW, "bound_device_id": "P1"}, None),
        ({"use_by": NOW, "first_used_at": NOW}, None),
        ({"use_by": NOW, "first_used_at": NOW, "expires_at": NOW}, PasswordRefusal.EXPIRED),
    ],
)
def test_a_password_ends_by_revocation_by_its_end_and_unused(changed, refusal):
    assert find_refusal(replace(FRESH, **changed), NOW) is refusal


def test_doors_are_named_by_profile_or_one_by_one():
    assert channels_of("phone", None) == channels_of("phone", []) == PROFILE_CHANNELS[Profile.PHONE]
    assert channels_of("phone", ["ews"]) == {Channel.EWS}
    for profile, channels in (("fridge", None), ("phone", ["pop3"])):
        with pytest.raises(ValueError, match=r"fridge|pop3"):
            channels_of(profile, channels)
