import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.ntlm.hashes import (
    exchanged_session_key,
    hmac_md5,
    identities,
    lm_v2_response,
    message_integrity_code,
    nt_hash,
    nt_proof,
    ntowf_v2,
    session_base_key,
)


def unhex(spec, name):
    return bytes.fromhex(spec[name])


def test_every_step_of_the_specifications_example(spec):
    key = ntowf_v2(nt_hash(spec["password"]), spec["user"], spec["domain"])
    challenge = unhex(spec, "server_challenge")
    assert nt_hash(spec["password"]).hex() == spec["ntowf_v1"]
    assert key.hex() == spec["ntowf_v2"]
    assert nt_proof(key, challenge, unhex(spec, "temp")).hex() == spec["nt_proof"]
    assert lm_v2_response(key, challenge, unhex(spec, "client_challenge")).hex() == spec["lm_v2_response"]
    base_key = session_base_key(key, unhex(spec, "nt_proof"))
    assert base_key.hex() == spec["session_base_key"]
    encrypted = exchanged_session_key(base_key, unhex(spec, "random_session_key"))
    assert encrypted.hex() == spec["encrypted_session_key"]
    assert exchanged_session_key(base_key, encrypted) == unhex(spec, "random_session_key")


def test_the_mic_of_chromium(chromium):
    authenticate = unhex(chromium, "authenticate_message")
    zeroed = authenticate[:72] + bytes(16) + authenticate[88:]
    key = ntowf_v2(nt_hash(chromium["password"]), "User", "Domain")
    base_key = session_base_key(key, authenticate[112:128])
    negotiate, challenge = unhex(chromium, "negotiate_message"), unhex(chromium, "challenge_message")
    assert message_integrity_code(base_key, negotiate, challenge, zeroed).hex() == chromium["mic"]


def test_user_names_fold_and_domains_do_not(spec):
    password_hash = nt_hash("Password")
    assert ntowf_v2(password_hash, "uSER", "Domain").hex() == spec["ntowf_v2"]
    assert ntowf_v2(password_hash, "User", "DOMAIN").hex() != spec["ntowf_v2"]


@pytest.mark.parametrize(
    ("user", "spellings"),
    [
        ("user", ["USER"]),
        ("jürgen", ["JÜRGEN", "JüRGEN"]),
        ("weiß", ["WEIß", "WEISS"]),
        ("grüßer", ["GRÜßER", "GRüßER", "GRÜSSER"]),
        ("用户", ["用户"]),
        ("", [""]),
    ],
)
def test_spellings_clients_compute(user, spellings):
    assert identities(user, "Dom") == tuple((spelling + "Dom").encode("utf-16-le") for spelling in spellings)


def test_oem_messages_may_be_computed_over_bytes():
    assert identities("jürgen", "Dom", is_unicode=False)[2:] == ("JÃ¼RGENDom".encode("utf-16-le"),)
    assert identities("user", "Dömäne", is_unicode=False) == (
        "USERDömäne".encode("utf-16-le"),
        "USERDÃ¶mÃ¤ne".encode("utf-16-le"),
    )
    assert identities("user", "Domain", is_unicode=False) == identities("user", "Domain")


def test_a_password_no_client_can_type():
    with pytest.raises(ValueError, match="surrogates"):
        nt_hash("\ud800")


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_hmac_is_the_standard_librarys(key: bytes, message: bytes):
    assert hmac_md5(key, message) == hmac.digest(key, message, "md5")


def test_hmac_takes_no_key_beyond_a_block():
    with pytest.raises(ValueError, match="at most 64"):
        hmac_md5(bytes(65), b"")
