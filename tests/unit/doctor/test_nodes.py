"""What is wrong with one end of the link, by certificates of a real node CA."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.doctor.nodes import (
    LinkFiles,
    check_identity_names,
    check_key_mode,
    check_link_files,
    check_node_names,
    is_identity_certificate,
)
from handfast.keys import pki
from tests.fakes.doctor_world import NOW, Authority, key_pem, pem

DAYS = 100


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    pki.init(folder, now=NOW)
    return folder


@pytest.fixture
def files(authority, tmp_path):
    made = pki.issue(authority, "edge1", now=NOW, publications=["mail", "calendar"], days=DAYS, into=tmp_path)
    return link_files(authority, made)


@pytest.fixture
def identity(authority, tmp_path):
    made = pki.issue(authority, "identity", now=NOW, identity=True, hosts=["10.0.0.5"], into=tmp_path)
    return link_files(authority, made)


def link_files(authority, made):
    ca = (authority / "ca.crt").read_bytes()
    return LinkFiles("[x]", made.certificate.read_bytes(), made.key.read_bytes(), ca, "issue it anew")


def ids(found):
    listed = list(found)
    assert all(one.what.startswith("[x]") and one.remedy for one in listed)
    return [one.id for one in listed]


def test_files_that_are_well(files, identity):
    assert ids(check_link_files(files, NOW)) == []
    assert ids(check_link_files(identity, NOW)) == []
    assert ids(check_identity_names(identity)) == []


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (-1, ["node-certificate-not-yet-valid"]),
        (DAYS - 21, []),
        (DAYS - 20, ["node-certificate-expires-soon"]),
        (DAYS, ["node-certificate-expired"]),
    ],
)
def test_dates(files, days, found):
    assert ids(check_link_files(files, NOW + dt.timedelta(days=days))) == found


def test_unreadable(files):
    for broken in (replace(files, certificate=b"x"), replace(files, ca=b"x")):
        assert ids(check_link_files(broken, NOW)) == ["node-certificate-unreadable"]


def test_chain(files):
    same_name = Authority("Handfast node CA")
    assert ids(check_link_files(replace(files, ca=pem(same_name.certificate)), NOW)) == [
        "node-certificate-chain"
    ]
    both = files.ca + pem(same_name.certificate)
    assert ids(check_link_files(replace(files, ca=both), NOW)) == []


def test_key(files, identity):
    assert ids(check_link_files(replace(files, key=identity.key), NOW)) == ["node-key-mismatch"]
    assert ids(check_link_files(replace(files, key=b"x"), NOW)) == ["node-key-unreadable"]
    locked = key_pem(Authority().key, b"secret")
    assert ids(check_link_files(replace(files, key=locked), NOW)) == ["node-key-unreadable"]


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [(0o600, False), (0o640, False), (0o400, False), (0o660, True), (0o604, True), (0o644, True)],
)
def test_key_mode(mode, is_open):
    found = list(check_key_mode("[x]", Path("/k"), 0o100000 | mode))
    assert [one.remedy for one in found] == (["chmod 600 /k"] if is_open else [])
    assert ids(found) == (["node-key-mode"] if is_open else [])


def test_names(files, identity):
    def names(one, node="edge1", publications=("mail",)):
        return ids(check_node_names(one, node, publications, pki.parse_node_certificate))

    assert names(files) == []
    assert names(files, node="edge2") == ["node-certificate-names"]
    assert names(files, publications=("mail", "notes")) == ["node-certificate-names"]
    assert names(files, "edge2", ("notes",)) == ["node-certificate-names"] * 2
    assert names(identity) == ["node-certificate-names"]
    assert ids(check_identity_names(files)) == ["node-certificate-names"]


def test_a_certificate_without_names_is_not_identity_s():
    from cryptography.hazmat.primitives.serialization import Encoding

    bare, _ = Authority().issue()
    assert not is_identity_certificate(bare.public_bytes(Encoding.DER))
    with pytest.raises(ValueError, match=r".+"):
        is_identity_certificate(b"")
