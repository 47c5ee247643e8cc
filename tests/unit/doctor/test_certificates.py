"""Each finding produced with a real certificate, and gone with a good one."""

import datetime as dt

import pytest

from handfast.doctor.certificates import check_certificate, check_names, covers, dns_names, load_chain
from tests.fakes.doctor_world import NOW, Authority, key_pem, pem

ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT)
TRUSTED = frozenset({ROOT.certificate.subject.public_bytes()})
HOST = "mail.example.com"


def ids(chain, key, *, trusted=TRUSTED, now=NOW):
    found = list(check_certificate("listener x", chain, key, now=now, trusted=trusted))
    assert all(one.remedy and "listener x" in one.what for one in found)
    return [one.id for one in found]


def test_a_good_certificate_has_no_findings():
    certificate, key = MIDDLE.issue(HOST)
    assert ids(pem(certificate, MIDDLE.certificate), key_pem(key)) == []
    assert ids(pem(certificate, MIDDLE.certificate, ROOT.certificate), key_pem(key)) == []
    assert (
        ids(pem(certificate, MIDDLE.certificate, ROOT.certificate), key_pem(key), trusted=frozenset()) == []
    )


def test_dates():
    certificate, key = ROOT.issue(HOST, begins=NOW - dt.timedelta(days=100), days=100)
    assert ids(pem(certificate), key_pem(key)) == ["certificate-expired"]
    assert ids(pem(certificate), key_pem(key), now=NOW - dt.timedelta(days=5)) == ["certificate-expires-soon"]
    assert ids(pem(certificate), key_pem(key), now=NOW - dt.timedelta(days=21)) == []
    assert ids(pem(certificate), key_pem(key), now=NOW - dt.timedelta(days=101)) == [
        "certificate-not-yet-valid"
    ]


def test_chain():
    certificate, key = MIDDLE.issue(HOST)
    assert ids(pem(certificate), key_pem(key)) == ["certificate-chain-incomplete"]
    assert ids(pem(certificate, ROOT.certificate, MIDDLE.certificate), key_pem(key)) == [
        "certificate-chain-order"
    ]
    other = Authority("middle")
    assert ids(pem(certificate, other.certificate), key_pem(key)) == ["certificate-chain-order"]
    alone = Authority("alone")
    assert ids(pem(alone.certificate), key_pem(alone.key)) == ["certificate-self-signed"]


def test_key():
    certificate, key = ROOT.issue(HOST)
    _, other = ROOT.issue(HOST)
    assert ids(pem(certificate), key_pem(key)) == []
    assert ids(pem(certificate), key_pem(other)) == ["certificate-key-mismatch"]
    assert ids(pem(certificate), key_pem(key, b"secret")) == ["certificate-key-unreadable"]
    assert ids(pem(certificate), b"nothing") == ["certificate-key-unreadable"]
    assert ids(b"nothing", key_pem(key)) == ["certificate-unreadable"]


def test_names():
    certificate, _ = ROOT.issue("Mail.Example.com", "*.example.org")
    names = dns_names(load_chain(pem(certificate))[0])
    assert list(check_names("x", names, ["mail.example.com", "a.example.org"])) == []
    assert [one.id for one in check_names("x", names, ["example.org"])] == ["certificate-names"]
    bare, _ = ROOT.issue()
    assert dns_names(bare) == ()


@pytest.mark.parametrize(
    ("pattern", "host", "is_covered"),
    [
        ("a.b", "a.b", True),
        ("*.b.c", "a.b.c", True),
        ("*.b.c", "x.a.b.c", False),
        ("*.b.c", "b.c", False),
        ("a*.b.c", "ax.b.c", False),
    ],
)
def test_wildcards_stand_for_one_label(pattern, host, is_covered):
    assert covers(pattern, host) is is_covered
