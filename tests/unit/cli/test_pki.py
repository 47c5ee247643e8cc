import json

from handfast.keys import pki


def test_a_ca_and_its_nodes(line, tmp_path):
    folder = tmp_path / "ca"
    assert line("pki", "init", "--directory", str(folder)).exit_code == 0
    result = line("pki", "issue", "dmz1", "--publication", "eas", "--directory", str(folder), "--json")
    made = json.loads(result.stdout)
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = x509.load_pem_x509_certificate((folder / "dmz1.crt").read_bytes())
    node = pki.parse_node_certificate(certificate.public_bytes(Encoding.DER))
    assert (node.name, node.publications, node.serial) == ("dmz1", {"eas"}, made["serial"])
    assert (
        line(
            "pki", "issue", "id", "--identity", "--host", "identity.lan", "--directory", str(folder)
        ).exit_code
        == 0
    )


def test_refusals_have_a_remedy(line, tmp_path):
    result = line("pki", "issue", "dmz1", "--publication", "eas")
    assert result.exit_code == 1
    assert "handfast pki init" in result.stderr
    assert line("pki", "init").exit_code == 0
    assert (tmp_path / "pki/ca.crt").exists()
    assert line("pki", "init").exit_code == 1
    assert line("pki", "issue", "dmz1").exit_code == 1
