"""What the strictest mobile clients demand of a server's certificate, beyond a chain that verifies.

Source: Apple, "Requirements for trusted certificates in iOS 13 and macOS 10.15" (support.apple.com/103769) and "About
upcoming limits on trusted certificates" (support.apple.com/102028); CA/Browser Forum, Baseline Requirements 6.3.2 as of
ballot SC-081v3; RFC 9525 6.3 (a name counts in subjectAltName only).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast.doctor.certificates import covers, dns_names
from handfast.doctor.findings import Finding, FindingId, error, warning

MIN_RSA_BITS = 2048
WEAK_HASHES = frozenset({"md5", "sha1"})
MAX_DAYS = 825
"""Apple's systems refuse what lives longer, also of a CA that the administrator installed, when issued after `SINCE`."""
SINCE = datetime(2019, 7, 1, tzinfo=UTC)
PUBLIC_MAX_DAYS = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
)
"""The same for roots that come with the clients' systems: days, for certificates issued from a date on."""

_REMEDY = "have the certificate issued anew by its CA"


def check_as_phone(
    where: str, chain: Sequence[x509.Certificate], host: str, *, now: datetime, is_public: bool
) -> Iterator[Finding]:
    """What keeps a strict client from connecting to `host`. `chain` begins with the server's own certificate.

    `is_public`: the chain ends at a root that this machine trusts by itself, as clients may.
    """
    own = chain[0]
    yield from _check_name(where, own, host)
    yield from _check_dates(where, own, now)
    for certificate in chain:
        yield from _check_strength(where, certificate)
    yield from _check_purpose(where, own)
    yield from _check_life(where, own, is_public=is_public)


def _check_name(where: str, certificate: x509.Certificate, host: str) -> Iterator[Finding]:
    names = dns_names(certificate)
    if not any(covers(name, host) for name in names):
        yield error(
            FindingId.CLIENT_CERTIFICATE_NAME,
            f"{where}: {host} is not among its alternative names ({', '.join(names) or 'there are none'}): every "
            "client warns or gives up, phones without a way to go on",
            f"{_REMEDY}, with {host} as a subject alternative name (the common name does not count)",
        )


def _check_dates(where: str, certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now <= ends:
        said = f"{where}: it is valid from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}: clients refuse it today"
        remedy = "put a valid one into the listener's files and reload the service (SIGHUP)"
        yield error(FindingId.CLIENT_CERTIFICATE_DATES, said, remedy)


def _check_strength(where: str, certificate: x509.Certificate) -> Iterator[Finding]:
    name, key = certificate.subject.rfc4514_string(), certificate.public_key()
    algorithm = certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        said = (
            f"{where}: the RSA key of {name} has {key.key_size} bits: iPhones refuse less than {MIN_RSA_BITS}"
        )
        yield error(FindingId.CLIENT_CERTIFICATE_WEAK, said, f"{_REMEDY}, for a new key")
    elif not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        said = f"{where}: the key of {name} is neither RSA nor ECDSA: most clients can't use it"
        yield error(FindingId.CLIENT_CERTIFICATE_WEAK, said, f"{_REMEDY}, for an RSA or P-256 key")
    # A root's own signature is looked at by nobody.
    if algorithm is not None and algorithm.name in WEAK_HASHES and certificate.issuer != certificate.subject:
        said = f"{where}: {name} is signed with {algorithm.name.upper()}, which no client takes any more"
        yield error(FindingId.CLIENT_CERTIFICATE_WEAK, said, f"{_REMEDY}, signed with SHA-256")


def _check_purpose(where: str, certificate: x509.Certificate) -> Iterator[Finding]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usage = x509.ExtendedKeyUsage([])
    if ExtendedKeyUsageOID.SERVER_AUTH not in usage and certificate.not_valid_before_utc >= SINCE:
        said = f"{where}: it is not marked for servers (extended key usage serverAuth): iPhones refuse it"
        yield error(FindingId.CLIENT_CERTIFICATE_PURPOSE, said, f"{_REMEDY}, for server authentication")


def _check_life(where: str, certificate: x509.Certificate, *, is_public: bool) -> Iterator[Finding]:
    begins = certificate.not_valid_before_utc
    life = certificate.not_valid_after_utc - begins
    if begins >= SINCE and life > timedelta(days=MAX_DAYS):
        said = f"{where}: it lives {life.days} days: iPhones refuse more than {MAX_DAYS}, whoever issued it"
        yield error(FindingId.CLIENT_CERTIFICATE_LIFE, said, f"{_REMEDY}, for a year or less")
        return
    limit = next((days for since, days in PUBLIC_MAX_DAYS if begins >= since), MAX_DAYS)
    if is_public and life > timedelta(days=limit):
        said = (
            f"{where}: it lives {life.days} days: of a public CA, clients refuse more than {limit} when issued on "
            f"{begins:%Y-%m-%d}"
        )
        remedy = f"{_REMEDY}, for {limit} days or less; nothing, if the CA is one of your own that devices were given"
        yield warning(FindingId.CLIENT_CERTIFICATE_LIFE, said, remedy)
