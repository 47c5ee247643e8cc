from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast.keys import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pki.init(tmp_path / "pki", now=NOW)
    return tmp_path / "pki"


def der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def test_a_node_certificate_says_its_facts_and_nothing_a_server_could_use(folder: Path):
    issued = pki.issue(folder, "edge1", now=NOW, publications=["mail", "web"], days=30)
    said = pki.parse_node_certificate(der(issued.certificate))
    assert said == pki.NodeCertificate(
        "edge1", frozenset({"mail", "web"}), issued.serial, NOW + timedelta(days=30)
    )
    certificate = x509.load_pem_x509_certificate(issued.certificate.read_bytes())
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert issued.key.stat().st_mode & 0o777 == 0o600


def test_the_ca_key_is_private_and_never_replaced(folder: Path):
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(pki.PkiError, match="exists already"):
        pki.init(folder, now=NOW)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "edge1"}, "at least one publication"),
        ({"name": "local", "publications": ["mail"]}, "another node name"),
        ({"name": "Edge 1", "publications": ["mail"]}, "no node name"),
        ({"name": "edge1", "publications": ["Mail"]}, "no publication name"),
        ({"name": "edge1", "publications": ["mail"], "days": 9999}, "fewer days"),
        ({"name": "identity", "identity": True}, "--host"),
        ({"name": "identity", "identity": True, "hosts": ["höst"]}, "ASCII"),
    ],
)
def test_what_can_not_be_issued_is_said_with_a_remedy(folder: Path, arguments, said: str):
    with pytest.raises(pki.PkiError, match=said):
        pki.issue(folder, now=NOW, **arguments)


def test_issue_needs_its_ca(tmp_path: Path, folder: Path):
    with pytest.raises(pki.PkiError, match="pki init"):
        pki.issue(tmp_path / "none", "edge1", now=NOW, publications=["mail"])
    pki.init(tmp_path / "other", now=NOW)
    (folder / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(pki.PkiError, match="not the key of"):
        pki.issue(folder, "edge1", now=NOW, publications=["mail"])
    (folder / "ca.key").write_bytes(b"junk")
    with pytest.raises(pki.PkiError, match="can't be read"):
        pki.issue(folder, "edge1", now=NOW, publications=["mail"])


def test_an_identity_certificate_is_no_node(folder: Path):
    issued = pki.issue(folder, "identity", now=NOW, identity=True, hosts=["127.0.0.1", "id.example", "[::1]"])
    with pytest.raises(pki.PkiError, match="names no node"):
        pki.parse_node_certificate(der(issued.certificate))
    with pytest.raises(pki.PkiError, match="no node certificate"):
        pki.parse_node_certificate(b"junk")
    with pytest.raises(pki.PkiError, match="no node certificate"):
        pki.parse_node_certificate(der(folder / "ca.crt"))


def test_demo_certificate_names_hosts_and_addresses(tmp_path: Path):
    ca_file, issued = pki.issue_demo_certificate(tmp_path, ["mail.example", "127.0.0.1"], now=NOW)
    leaf, ca = x509.load_pem_x509_certificates(issued.certificate.read_bytes())
    assert ca == x509.load_pem_x509_certificate(ca_file.read_bytes())
    leaf.verify_directly_issued_by(ca)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mail.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert not list(tmp_path.glob("*ca.key"))
