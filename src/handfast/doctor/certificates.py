"""What is wrong with a listener's certificate: dates, names, chain, key. Pure, over the bytes of PEM files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from handfast.doctor.findings import Finding, FindingId, error, warning

SOON = timedelta(days=21)
"""Renewal by ACME happens 30 days before the end; at 21 it has failed more than once."""


def load_chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, the server's own first. Raises: ValueError."""
    return tuple(x509.load_pem_x509_certificates(pem))


def check_certificate(
    where: str, pem: bytes, key_pem: bytes, *, now: datetime, trusted: frozenset[bytes]
) -> Iterator[Finding]:
    """Everything but the names; `trusted` are the subjects (DER) of the CAs this machine trusts."""
    try:
        chain = load_chain(pem)
    except ValueError:
        yield error(
            FindingId.CERTIFICATE_UNREADABLE,
            f"{where}: holds no PEM certificate",
            "give the chain as PEM, own first",
        )
        return
    yield from check_dates(where, chain, now)
    yield from check_chain(where, chain, trusted)
    yield from check_key(where, chain[0], key_pem)


def check_dates(where: str, chain: Sequence[x509.Certificate], now: datetime) -> Iterator[Finding]:
    """Ended, ending within 21 days, or not begun."""
    for certificate in chain:
        name = certificate.subject.rfc4514_string()
        ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
        if ends <= now:
            said = f"{where}: {name} ended on {ends:%Y-%m-%d}"
            yield error(FindingId.CERTIFICATE_EXPIRED, said, "renew it, then reload (SIGHUP)")
        elif ends - now < SOON:
            days = (ends - now).days
            said = f"{where}: {name} ends on {ends:%Y-%m-%d}, in {days} days"
            yield warning(
                FindingId.CERTIFICATE_EXPIRES_SOON,
                said,
                "renew it, then reload (SIGHUP); does the renewal run?",
            )
        if begins > now:
            said = f"{where}: {name} is valid from {begins:%Y-%m-%d %H:%M} UTC on"
            yield error(FindingId.CERTIFICATE_NOT_YET_VALID, said, "check this machine's clock, or wait")


def check_chain(
    where: str, chain: Sequence[x509.Certificate], trusted: frozenset[bytes]
) -> Iterator[Finding]:
    """Each certificate must be signed by the next one, and the last must lead to a root (RFC 8446 4.4.2)."""
    for issued, issuer in pairwise(chain):
        if not is_issued_by(issued, issuer):
            yield error(
                FindingId.CERTIFICATE_CHAIN_ORDER,
                f"{where}: {issued.subject.rfc4514_string()} is not signed by the certificate that follows it",
                "order the PEM file: own certificate, then its issuer, and so on up",
            )
            return
    last = chain[-1]
    if last.issuer == last.subject:
        if len(chain) == 1 and last.subject.public_bytes() not in trusted:
            said = f"{where}: the certificate is self-signed"
            yield warning(
                FindingId.CERTIFICATE_SELF_SIGNED, said, "phones do not trust it; use one of a public CA"
            )
    elif last.issuer.public_bytes() not in trusted:
        yield warning(
            FindingId.CERTIFICATE_CHAIN_INCOMPLETE,
            f"{where}: {last.issuer.rfc4514_string()} is neither in the file nor a root this machine trusts",
            "append the CA's intermediate certificates; with a CA of your own, install its root here",
        )


def is_issued_by(issued: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and signature are on the certificate."""
    try:
        issued.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - ValueError, TypeError, InvalidSignature: each means no
        return False
    return True


def check_key(where: str, certificate: x509.Certificate, key_pem: bytes) -> Iterator[Finding]:
    """The key must be readable without a passphrase and belong to the certificate."""
    try:
        key = load_key(key_pem)
    except ValueError as problem:
        remedy = "give the key as PEM without a passphrase (openssl pkey); protect the file by its mode"
        yield error(FindingId.CERTIFICATE_KEY_UNREADABLE, f"{where}: {problem}", remedy)
        return
    if not is_key_of(key, certificate):
        said = f"{where}: the key is not the certificate's"
        remedy = "use the key the certificate was requested with"
        yield error(FindingId.CERTIFICATE_KEY_MISMATCH, said, remedy)


def load_key(pem: bytes) -> PrivateKeyTypes:
    """The key of a PEM file. Raises: ValueError, with a sentence for people."""
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("the key has a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the key file holds no PEM key that can be used") from None


def is_key_of(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Whether the certificate was made for the key."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    own = key.public_key().public_bytes(encoding, form)
    return own == certificate.public_key().public_bytes(encoding, form)


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names of the subject alternative name, lower case; the common name counts for nothing (RFC 9525 2)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(one.lower() for one in names.get_values_for_type(x509.DNSName))


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's name covers a host; `*` stands for one whole leftmost label (RFC 9525 6.3)."""
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host


def check_names(listener: str, names: Sequence[str], hosts: Sequence[str]) -> Iterator[Finding]:
    """Every host published on a listener must be in one of its certificates."""
    for host in hosts:
        if not any(covers(one, host) for one in names):
            said = f"listener {listener}: no certificate covers {host} (they cover: {', '.join(names) or 'nothing'})"
            yield error(
                FindingId.CERTIFICATE_NAMES,
                said,
                "add the name to the certificate, or take it out of `hosts`",
            )
