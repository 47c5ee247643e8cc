"""Cases: certificates, keys, names, ports and clocks of the published side."""

from __future__ import annotations

import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from handfast.doctor.findings import FindingId
from handfast.keys.pki import IssuedCertificate
from tests.doctor.case import case, wait_for
from tests.doctor.machines import OWN_NAMES, NameServer, machine
from tests.installation import HOST
from tests.servers.processes import free_port

F = FindingId
STOPPED = frozenset({F.IDENTITY_UNREACHABLE})
BACKDATED = timedelta(minutes=5)
"""Certificates of our own PKI begin so long before they are made."""
NO_NAMES = frozenset({F.CERTIFICATE_NAMES})


def serve_with(world, made: IssuedCertificate) -> None:
    """The listener's settings name that certificate and key."""
    world.site.write_settings(certificate=made.certificate, key=made.key)


def renew(world, made: IssuedCertificate) -> None:
    """A good certificate in the same files, and a reload."""
    fresh = world.certificate("renewed")
    shutil.copy(fresh.certificate, made.certificate)
    shutil.copy(fresh.key, made.key)
    world.site.reload()


def openssl(*words: object, answer: str = "") -> bytes:
    """What the program prints."""
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, check=True, timeout=30, input=answer.encode()
    )
    return done.stdout


def parts_of(file: Path) -> list[bytes]:
    """The certificates of a chain file, each as PEM."""
    return [one.public_bytes(Encoding.PEM) for one in x509.load_pem_x509_certificates(file.read_bytes())]


@case(F.CERTIFICATE_EXPIRED, HOST, remedy="renew it, then reload")
def a_certificate_has_ended(world):
    made = world.certificate(now=datetime.now(UTC) - timedelta(days=60))
    serve_with(world, made)
    assert len((yield world.site)) == len(parts_of(made.certificate)), "each one that has ended is named"
    renew(world, made)


@case(F.CERTIFICATE_EXPIRES_SOON, "in 9 days", remedy="renew it, then reload", severity="warning")
def a_certificate_ends_soon(world):
    made = world.certificate(days=10)
    serve_with(world, made)
    yield world.site
    renew(world, made)


@case(F.CERTIFICATE_NOT_YET_VALID, HOST, remedy="or wait")
def a_certificate_has_not_begun(world):
    begins = datetime.now(UTC) + world.patience
    serve_with(world, world.certificate(now=begins + BACKDATED))
    yield world.site
    wait_for(begins)


@case(
    F.CERTIFICATE_CHAIN_ORDER,
    "not signed by",
    remedy="own certificate, then its issuer",
    beside=NO_NAMES | {F.CERTIFICATE_KEY_MISMATCH},
)
def a_chain_is_upside_down(world):
    made = world.certificate()
    own, issuer = parts_of(made.certificate)
    turned = made.certificate.with_name("turned.pem")
    turned.write_bytes(issuer + own)
    world.site.write_settings(certificate=turned, key=made.key)
    yield world.site
    turned.write_bytes(own + issuer)


@case(F.CERTIFICATE_CHAIN_INCOMPLETE, remedy="append the CA's", severity="warning")
def a_chain_lacks_its_issuer(world):
    made = world.certificate()
    own, issuer = parts_of(made.certificate)
    made.certificate.write_bytes(own)
    serve_with(world, made)
    yield world.site
    with made.certificate.open("ab") as file:
        file.write(issuer)


@case(F.CERTIFICATE_SELF_SIGNED, remedy="one of a public CA", severity="warning")
def a_certificate_is_its_own_issuer(world):
    made = world.certificate()
    words = ("-subj", f"/CN={HOST}", "-days", "90", "-addext", f"subjectAltName=DNS:{HOST}")
    own = world.folder / "self.pem"
    own.write_bytes(openssl("req", "-x509", "-key", made.key, *words))
    world.site.write_settings(certificate=own, key=made.key)
    yield world.site
    serve_with(world, made)


@case(F.CERTIFICATE_UNREADABLE, "no PEM certificate", remedy="give the chain as PEM", beside=NO_NAMES)
def a_certificate_is_binary(world):
    made = world.certificate()
    binary = openssl("x509", "-in", made.certificate, "-outform", "DER")
    good = made.certificate.with_name("binary.crt")
    good.write_bytes(binary)
    world.site.write_settings(certificate=good, key=made.key)
    yield world.site
    good.write_bytes(openssl("x509", "-inform", "DER", "-in", good) + parts_of(made.certificate)[1])


@case(F.CERTIFICATE_UNREADABLE, "No such file", remedy="correct the path", beside=NO_NAMES)
def a_certificate_is_not_there(world):
    made = world.certificate()
    world.site.write_settings(certificate=made.certificate.with_name("none.pem"), key=made.key)
    yield world.site
    serve_with(world, made)


@case(F.CERTIFICATE_KEY_UNREADABLE, "passphrase", remedy="openssl pkey")
def a_key_has_a_passphrase(world):
    made = world.certificate()
    locked = made.key.with_name("locked.key")
    locked.write_bytes(openssl("pkey", "-in", made.key, "-aes256", "-passout", "pass:secret"))
    world.site.write_settings(certificate=made.certificate, key=locked)
    yield world.site
    locked.write_bytes(openssl("pkey", "-in", locked, "-passin", "pass:secret"))


@case(F.CERTIFICATE_KEY_UNREADABLE, "no PEM key", remedy="give the key as PEM")
def a_key_is_binary(world):
    made = world.certificate()
    binary = made.key.with_name("binary.key")
    binary.write_bytes(openssl("pkey", "-in", made.key, "-outform", "DER"))
    world.site.write_settings(certificate=made.certificate, key=binary)
    yield world.site
    binary.write_bytes(openssl("pkey", "-inform", "DER", "-in", binary))


@case(F.CERTIFICATE_KEY_MISMATCH, remedy="the certificate was requested with")
def a_key_is_another_s(world):
    made, other = world.certificate("a"), world.certificate("b")
    world.site.write_settings(certificate=made.certificate, key=other.key)
    yield world.site
    world.site.write_settings(key=made.key)


@case(F.CERTIFICATE_NAMES, HOST, "other.contoso.lab", remedy="add the name")
def a_certificate_is_for_another_name(world):
    serve_with(world, world.certificate(hosts=["other.contoso.lab"]))
    yield world.site
    serve_with(world, world.certificate("both", hosts=["other.contoso.lab", HOST]))


@case(F.PORT_IN_USE, remedy="stop what uses it", beside=STOPPED)
def somebody_has_the_port(world):
    site = world.stopped()
    taken = socket.create_server(("127.0.0.1", site.port))
    world.stack.callback(taken.close)
    [told] = yield site
    assert str(site.port) in told["what"]
    taken.close()


@case(F.PORT_IN_USE, remedy="choose another address")
def somebody_has_the_port_of_a_node(world):
    link = world.make_link()
    link.node()
    taken = socket.create_server(("127.0.0.1", link.gateway.values["port"]))
    world.stack.callback(taken.close)
    yield link.gateway
    link.gateway.write_settings(port=free_port())


@case(F.DNS_NAME, HOST, remedy="publish the name in DNS", severity="warning", is_for_root=True)
def a_name_is_not_published(world):
    private = world.stack.enter_context(machine(OWN_NAMES, str(world.folder / "etc")))
    server = NameServer()
    world.stack.callback(server.close)
    world.site.words = private.words
    yield world.site
    server.published.add(HOST)
