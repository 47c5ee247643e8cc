"""The node PKI: one small CA whose certificates say which gateway node may speak to identity, and for what.

A node certificate carries its facts as SAN URIs, which no name check of TLS mistakes for a host:

    urn:handfast:node:NAME            exactly one, in a node's certificate (EKU clientAuth only)
    urn:handfast:publication:NAME     one for each publication the node may serve
    urn:handfast:identity             identity's own certificate (EKU serverAuth only, with DNS and IP names)

Source: RFC 5280 4.2.1; keys are EC P-256, signatures ECDSA with SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast.keys.certificates import IssuedCertificate, PkiError, host_names, sign_ca, sign_leaf, store

NODE_URN = "urn:handfast:node:"
PUBLICATION_URN = "urn:handfast:publication:"
IDENTITY_URN = "urn:handfast:identity"
CA_CERTIFICATE = "ca.crt"
CA_KEY = "ca.key"
CA_DAYS = 3650
RESERVED_NAMES = frozenset({"local"})
"""The name of a gateway on identity's own machine: no certificate may carry it."""

__all__ = [
    "IssuedCertificate",
    "NodeCertificate",
    "PkiError",
    "init",
    "issue",
    "issue_demo_certificate",
    "parse_node_certificate",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """What a node's certificate says of it. `serial` is lower-case hex without leading zeros."""

    name: str
    publications: frozenset[str]
    serial: str
    not_after: datetime


def init(folder: Path, *, now: datetime, days: int = CA_DAYS) -> IssuedCertificate:
    """Makes the node CA: `ca.crt` and `ca.key` in `folder`. Raises: PkiError where there is one already."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = sign_ca("Handfast node CA", key, now=now, days=days)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return store(folder, "ca", certificate, key, chain=())


def issue(
    folder: Path,
    name: str,
    *,
    now: datetime,
    publications: Sequence[str] = (),
    identity: bool = False,
    hosts: Sequence[str] = (),
    days: int = 365,
    into: Path | None = None,
) -> IssuedCertificate:
    """Issues `NAME.crt` and `NAME.key`: for a node with its publications, or for identity with its host names.

    Files go to `into`, else to `folder`; an existing `NAME.key` is never overwritten. Raises: PkiError.
    """
    extension, usage = _identity_names(hosts) if identity else _node_names(name, publications)
    if not _NAME.fullmatch(name):
        raise PkiError(f"{name!r} is no node name: use a-z, 0-9 and hyphens, at most 63")
    ca, ca_key = _load_ca(folder)
    if now + timedelta(days=days) > ca.not_valid_after_utc:
        raise PkiError(
            f"{days} days is longer than the CA lives (until {ca.not_valid_after_utc:%Y-%m-%d}): give fewer days"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = sign_leaf(name, key, extension, usage, ca, ca_key, now=now, days=days)
    target = into or folder
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    return store(target, name, certificate, key, chain=())


def parse_node_certificate(der: bytes) -> NodeCertificate:
    """What a certificate that TLS has verified already says of its node. Raises: PkiError where it names none."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise PkiError("the certificate is no node certificate") from error
    nodes = [uri.removeprefix(NODE_URN) for uri in uris if uri.startswith(NODE_URN)]
    if len(nodes) != 1 or not _NAME.fullmatch(nodes[0]) or nodes[0] in RESERVED_NAMES:
        raise PkiError("the certificate names no node, or more than one")
    return NodeCertificate(
        name=nodes[0],
        publications=frozenset(
            uri.removeprefix(PUBLICATION_URN) for uri in uris if uri.startswith(PUBLICATION_URN)
        ),
        serial=f"{certificate.serial_number:x}",
        not_after=certificate.not_valid_after_utc,
    )


def issue_demo_certificate(
    folder: Path, hosts: Sequence[str], *, now: datetime, days: int = 30
) -> tuple[Path, IssuedCertificate]:
    """A throw-away CA and a server certificate for published names and addresses: (CA file, certificate).

    For the demo and tests alone: nothing keeps the CA's key, so nobody can issue a second certificate under it.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = sign_ca("Handfast demo CA (throw-away)", ca_key, now=now, days=days)
    key = ec.generate_private_key(ec.SECP256R1())
    extension = x509.SubjectAlternativeName(host_names(hosts))
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    certificate = sign_leaf(hosts[0], key, extension, usage, ca, ca_key, now=now, days=days)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_file = folder / "demo-ca.crt"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return ca_file, store(folder, "demo-server", certificate, key, chain=(ca,))


def _node_names(
    name: str, publications: Sequence[str]
) -> tuple[x509.SubjectAlternativeName, x509.ObjectIdentifier]:
    if name in RESERVED_NAMES:
        raise PkiError(f"{name!r} is the gateway on identity's own machine: choose another node name")
    for publication in publications:
        if not _NAME.fullmatch(publication):
            raise PkiError(f"{publication!r} is no publication name: use a-z, 0-9 and hyphens, at most 63")
    if not publications:
        raise PkiError("a node certificate names at least one publication: give --publication NAME")
    uris = [NODE_URN + name, *(PUBLICATION_URN + publication for publication in publications)]
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
    return names, ExtendedKeyUsageOID.CLIENT_AUTH


def _identity_names(hosts: Sequence[str]) -> tuple[x509.SubjectAlternativeName, x509.ObjectIdentifier]:
    if not hosts:
        raise PkiError("identity's certificate needs the names or addresses gateways call it by: give --host")
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(IDENTITY_URN), *host_names(hosts)])
    return names, ExtendedKeyUsageOID.SERVER_AUTH


def _load_ca(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate((folder / CA_CERTIFICATE).read_bytes())
        key = serialization.load_pem_private_key((folder / CA_KEY).read_bytes(), password=None)
    except FileNotFoundError as error:
        raise PkiError(f"no node CA in {folder}: make one with `handfast pki init`") from error
    except (OSError, ValueError, TypeError) as error:
        raise PkiError(f"the node CA in {folder} can't be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise PkiError(
            f"{CA_KEY} in {folder} is not the key of {CA_CERTIFICATE}: restore both from one backup"
        )
    return certificate, key
