"""Every rule with a certificate that breaks it, and one day or one bit away with one that does not."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast.doctor.publishing.strictness import check_as_phone
from tests.fakes.doctor_world import NOW, name_of

HOST = "mail.example.com"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ISSUER = ec.generate_private_key(ec.SECP256R1())
RSA_1024, RSA_2048 = (rsa.generate_private_key(65537, bits) for bits in (1024, 2048))


def certificate(
    *,
    names=(HOST,),
    key=None,
    days=90,
    begins=NOW - dt.timedelta(days=1),
    usage=(SERVER,),
):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of("server"))
        .issuer_name(name_of("CA"))
        .public_key((key or ISSUER).public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=days))
    )
    if names:
        listed = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(listed, critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    return builder.sign(RSA_2048, hashes.SHA256())


def told(*chain, host=HOST, now=NOW, is_public=False):
    found = list(check_as_phone("here", chain, host, now=now, is_public=is_public))
    assert all(one.what.startswith("here: ") and one.remedy for one in found)
    return [(str(one.id).removeprefix("client-certificate-"), str(one.severity)) for one in found]


def test_a_good_one():
    assert told(certificate()) == []
    assert told(certificate(names=("*.example.com",))) == []
    assert told(certificate(key=RSA_2048)) == []
    assert told(certificate(usage=(CLIENT, SERVER))) == []


@pytest.mark.parametrize("names", [(), ("example.com",), ("*.mail.example.com",), ("other.example.com",)])
def test_name(names):
    assert told(certificate(names=names)) == [("name", "error")]


def test_dates():
    own = certificate(days=90)
    begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
    second = dt.timedelta(seconds=1)
    assert told(own, now=begins) == told(own, now=ends) == []
    assert told(own, now=begins - second) == told(own, now=ends + second) == [("dates", "error")]


def test_weak_keys_and_signatures():
    assert told(certificate(key=RSA_1024)) == [("weak", "error")]
    assert told(certificate(key=ed25519.Ed25519PrivateKey.generate())) == [("weak", "error")]


def test_those_of_issuing_cas_count_too():
    assert told(certificate(), certificate(key=RSA_1024, names=(), usage=())) == [("weak", "error")]


class Signed:
    """A certificate whose signature is of a kind that nobody makes any more, not even in a test."""

    def __init__(self, algorithm, issuer="CA"):
        self._real = certificate()
        self.signature_hash_algorithm = algorithm
        self.issuer = name_of(issuer)

    def __getattr__(self, name):
        return getattr(self._real, name)


def test_old_signatures():
    assert told(Signed(hashes.SHA1())) == told(Signed(hashes.MD5())) == [("weak", "error")]
    assert told(Signed(None)) == []
    assert told(certificate(), Signed(hashes.SHA1(), issuer="server")) == [], (
        "nobody looks at a root's signature"
    )


def test_purpose():
    assert told(certificate(usage=(CLIENT,))) == told(certificate(usage=())) == [("purpose", "error")]
    before = dt.datetime(2019, 6, 30, tzinfo=dt.UTC)
    assert told(certificate(usage=(), begins=before), now=before) == []


@pytest.mark.parametrize(
    ("begins", "most"),
    [
        ((2020, 8, 31), 825),
        ((2020, 9, 1), 398),
        ((2026, 3, 14), 398),
        ((2026, 3, 15), 200),
        ((2027, 3, 14), 200),
        ((2027, 3, 15), 100),
        ((2029, 3, 14), 100),
        ((2029, 3, 15), 47),
    ],
)
def test_life(begins, most):
    day = dt.datetime(*begins, tzinfo=dt.UTC)
    allowed, longer = certificate(begins=day, days=most), certificate(begins=day, days=most + 1)
    assert told(allowed, now=day, is_public=True) == []
    severity = "error" if most == 825 else "warning"
    assert told(longer, now=day, is_public=True) == [("life", severity)]
    assert told(certificate(begins=day, days=825), now=day) == [], "a CA of one's own"
    assert told(certificate(begins=day, days=826), now=day) == [("life", "error")]


def test_life_before_there_was_a_limit():
    day = dt.datetime(2019, 6, 30, tzinfo=dt.UTC)
    assert told(certificate(begins=day, days=3000), now=day) == []
