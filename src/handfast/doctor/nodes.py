"""What is wrong with the certificates between gateway nodes and identity. Pure, over the bytes of PEM files.

Both ends are certified by the node CA alone (`handfast pki`); nothing here asks what the machine trusts.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from handfast.doctor.certificates import SOON, is_issued_by, is_key_of, load_chain, load_key
from handfast.doctor.findings import Finding, FindingId, error, warning

IDENTITY_URN = "urn:handfast:identity"
"""The SAN URI by which a node knows identity's certificate."""


class NodeNames(Protocol):
    """What a node's certificate says of it."""

    @property
    def name(self) -> str: ...
    @property
    def publications(self) -> frozenset[str]: ...


ParseNode = Callable[[bytes], NodeNames]
"""Reads a certificate (DER). Raises: ValueError for what is no node certificate."""


@dataclass(frozen=True, slots=True)
class LinkFiles:
    """The PEM files of one end. `where` is its table in the settings; `renewal` is the remedy that makes them anew."""

    where: str
    certificate: bytes
    key: bytes
    ca: bytes
    renewal: str


def check_link_files(files: LinkFiles, now: datetime) -> Iterator[Finding]:
    """Everything but the names: readable, in time, signed by the node CA, with its own key."""
    try:
        own, authorities = load_chain(files.certificate)[0], load_chain(files.ca)
    except ValueError:
        said = f"{files.where}: certificate and ca_file must hold PEM certificates"
        yield error(FindingId.NODE_CERTIFICATE_UNREADABLE, said, files.renewal)
        return
    yield from _check_dates(files, own, now)
    if not any(is_issued_by(own, authority) for authority in authorities):
        said = f"{files.where}: {own.subject.rfc4514_string()} is not signed by the CA in ca_file"
        yield error(
            FindingId.NODE_CERTIFICATE_CHAIN, said, f"ca_file is identity's own `ca.crt`; {files.renewal}"
        )
    yield from _check_key(files, own)


def _check_dates(files: LinkFiles, own: x509.Certificate, now: datetime) -> Iterator[Finding]:
    name, ends, begins = own.subject.rfc4514_string(), own.not_valid_after_utc, own.not_valid_before_utc
    if ends <= now:
        said = f"{files.where}: {name} ended on {ends:%Y-%m-%d}"
        yield error(FindingId.NODE_CERTIFICATE_EXPIRED, said, files.renewal)
    elif ends - now < SOON:
        said = f"{files.where}: {name} ends on {ends:%Y-%m-%d}, in {(ends - now).days} days"
        yield warning(FindingId.NODE_CERTIFICATE_EXPIRES_SOON, said, files.renewal)
    if begins > now:
        said = f"{files.where}: {name} is valid from {begins:%Y-%m-%d %H:%M} UTC on"
        yield error(
            FindingId.NODE_CERTIFICATE_NOT_YET_VALID, said, "check the clocks of both machines, or wait"
        )


def _check_key(files: LinkFiles, own: x509.Certificate) -> Iterator[Finding]:
    try:
        key = load_key(files.key)
    except ValueError as problem:
        yield error(FindingId.NODE_KEY_UNREADABLE, f"{files.where}: {problem}", files.renewal)
        return
    if not is_key_of(key, own):
        said = f"{files.where}: the key is not the certificate's"
        yield error(FindingId.NODE_KEY_MISMATCH, said, files.renewal)


def check_key_mode(where: str, key: Path, mode: int) -> Iterator[Finding]:
    """The key is its owner's; its group may read it, nobody else."""
    bits = stat.S_IMODE(mode)
    if bits & 0o037:
        said = f"{where}: others may use {key} (mode {bits:04o})"
        yield error(FindingId.NODE_KEY_MODE, said, f"chmod 600 {key}")


def check_node_names(
    files: LinkFiles, node: str, publications: Sequence[str], parse_node: ParseNode
) -> Iterator[Finding]:
    """A gateway's certificate names this node and each of its publications."""
    try:
        named = parse_node(_der(files.certificate))
    except ValueError as problem:
        yield error(FindingId.NODE_CERTIFICATE_NAMES, f"{files.where}: {problem}", files.renewal)
        return
    if named.name != node:
        said = f"{files.where}: the certificate is of node {named.name}, and gateway.node says {node}"
        yield error(FindingId.NODE_CERTIFICATE_NAMES, said, files.renewal)
    missing = [one for one in publications if one not in named.publications]
    if missing:
        said = f"{files.where}: the certificate does not name the publication {', '.join(missing)}"
        yield error(FindingId.NODE_CERTIFICATE_NAMES, said, files.renewal)


def check_identity_names(files: LinkFiles) -> Iterator[Finding]:
    """Identity's certificate says that it is identity's; by which name nodes call it, the nodes' doctor sees."""
    if not is_identity_certificate(_der(files.certificate)):
        said = f"{files.where}: the certificate is not one for identity"
        yield error(FindingId.NODE_CERTIFICATE_NAMES, said, files.renewal)


def is_identity_certificate(der: bytes) -> bool:
    """Whether the certificate carries identity's URI. Raises: ValueError where it is none."""
    try:
        names = (
            x509.load_der_x509_certificate(der)
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
    except x509.ExtensionNotFound:
        return False
    return IDENTITY_URN in names.get_values_for_type(x509.UniformResourceIdentifier)


def _der(pem: bytes) -> bytes:
    return load_chain(pem)[0].public_bytes(serialization.Encoding.DER)
