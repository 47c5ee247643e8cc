"""How our certificates are built, signed and put into files: EC P-256, ECDSA with SHA-256, RFC 5280 to the letter.

Critical basic constraints and key usage, subject and authority key identifiers: OpenSSL's strict mode asks for them.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_BACKDATE = timedelta(minutes=5)
"""The clocks of two machines differ; a certificate must not be "not yet valid" on the other one."""


class PkiError(ValueError):
    """A certificate can't be made or is not one of ours. `str()` says why and, where there is one, the remedy."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """Where the files of a new certificate are; `key` has mode 0600."""

    certificate: Path
    key: Path
    serial: str
    not_after: datetime


def sign_ca(name: str, key: ec.EllipticCurvePrivateKey, *, now: datetime, days: int) -> x509.Certificate:
    """A self-signed CA that signs leaves and no further CA."""
    subject = _common_name(name)
    return (
        _builder(subject, subject, key.public_key(), now=now, days=days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(_own_key_id(key), critical=False)
        .sign(key, hashes.SHA256())
    )


def sign_leaf(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName,
    usage: x509.ObjectIdentifier,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """A certificate for one purpose (`usage`) and the given alternative names, signed by the CA."""
    issuer_key_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id)
    return (
        _builder(_common_name(name), ca.subject, key.public_key(), now=now, days=days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(_own_key_id(key), critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def host_names(hosts: Iterable[str]) -> list[x509.GeneralName]:
    """SAN entries for host names and IP addresses. Raises: PkiError."""
    return [_host_name(host) for host in hosts]


def store(
    folder: Path,
    name: str,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    *,
    chain: Sequence[x509.Certificate],
) -> IssuedCertificate:
    """Writes `NAME.key` and `NAME.crt`. Raises: PkiError where the key file exists.

    Key first and exclusively, so that two calls never mix the files of two certificates.
    """
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise PkiError(f"{key_file} exists already: move it away to issue a new one") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    certificate_file.write_bytes(
        b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (certificate, *chain))
    )
    return IssuedCertificate(
        certificate=certificate_file,
        key=key_file,
        serial=f"{certificate.serial_number:x}",
        not_after=certificate.not_valid_after_utc,
    )


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError:
        raise PkiError(f"{host!r} is no ASCII host name (write IDNs as xn--...)") from None


def _common_name(name: str) -> x509.Name:
    # A common name holds at most 64 characters (RFC 5280 appendix A.1); nobody reads it but people.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + timedelta(days=days)) - _BACKDATE)
        .not_valid_after(now + timedelta(days=days))
    )


def _own_key_id(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
