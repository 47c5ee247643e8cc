import pytest

from handfast.protocols.ntlm.md4 import md4

RFC_1320_A_5 = {
    b"": "31d6cfe0d16ae931b73c59d7e0c089c0",
    b"a": "bde52cb31de33e46245e05fbdbd6fb24",
    b"abc": "a448017aaf21d8525fc10ae87aa6729d",
    b"message digest": "d9130a8164549fe818874806e1c7014b",
    b"abcdefghijklmnopqrstuvwxyz": "d79e1c308aa5bbcdeea8ed63df412da9",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": "043f8582f241db351ce627e153e7f0e4",
    b"1234567890" * 8: "e33b4ddc9c38f2199c3e7b164fcc0536",
}


@pytest.mark.parametrize(("data", "digest"), RFC_1320_A_5.items())
def test_the_examples_of_rfc_1320(data, digest):
    assert md4(data).hex() == digest


def test_every_length_around_the_block_boundaries_gives_its_own_digest():
    digests = {md4(b"x" * length) for length in range(260)}
    assert len(digests) == 260
    assert all(len(digest) == 16 for digest in digests)


def test_against_an_independent_implementation():
    from spnego._ntlm_raw.md4 import md4 as other

    for length in (*range(130), 1000, 65537):
        assert md4(bytes(i * 7 & 255 for i in range(length))) == other(
            bytes(i * 7 & 255 for i in range(length))
        )
