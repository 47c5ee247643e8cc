import hashlib

import pytest

from handfast.protocols.ntlm.channel_bindings import (
    certificate_hash_name,
    channel_binding_hash,
    tls_server_end_point_binding,
    tls_server_end_point_data,
)


def test_the_published_value(chromium):
    certificate_hash = bytes.fromhex(chromium["certificate_hash"])
    assert tls_server_end_point_binding(certificate_hash).hex() == chromium["channel_binding"]


@pytest.mark.parametrize("length", [32, 48, 64])
def test_another_implementation_packs_the_same(length):
    from spnego.channel_bindings import GssChannelBindings

    digest = bytes(range(length))
    packed = GssChannelBindings(application_data=b"tls-server-end-point:" + digest).pack()
    assert tls_server_end_point_binding(digest) == hashlib.md5(packed).digest()


@pytest.mark.parametrize(
    ("signature_hash", "name"),
    [
        ("sha256", "sha256"),
        ("SHA-384", "sha384"),
        ("sha512", "sha512"),
        ("sha1", "sha256"),
        ("SHA-1", "sha256"),
        ("md5", "sha256"),
        (None, "sha256"),
    ],
)
def test_weak_signatures_are_hashed_with_sha256(signature_hash, name):
    assert certificate_hash_name(signature_hash) == name
    assert hashlib.new(name)


def test_the_application_data_is_what_the_binding_is_made_of(chromium):
    certificate_hash = bytes.fromhex(chromium["certificate_hash"])
    data = tls_server_end_point_data(certificate_hash)
    assert data == b"tls-server-end-point:" + certificate_hash
    assert channel_binding_hash(data) == tls_server_end_point_binding(certificate_hash)
    assert channel_binding_hash(b"") == b""
