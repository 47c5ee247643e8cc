"""What clients make of the certificate they are shown. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cryptography import x509

from handfast.doctor.findings import Finding, FindingId, Severity, warning
from handfast.doctor.publishing.steps import Place, Step
from handfast.doctor.publishing.strictness import check_as_phone
from handfast.doctor.publishing.visit import Seen

_SAME = {
    "certificate has expired": FindingId.CLIENT_CERTIFICATE_DATES,
    "certificate is not yet valid": FindingId.CLIENT_CERTIFICATE_DATES,
    "unsupported certificate purpose": FindingId.CLIENT_CERTIFICATE_PURPOSE,
    "unsuitable certificate purpose": FindingId.CLIENT_CERTIFICATE_PURPOSE,
}
"""What OpenSSL says of a chain, and the finding that says the same of the server's own certificate."""


def read_certificate(place: Place, host: str, seen: Seen, now: datetime) -> Iterator[Step]:
    """What clients make of the certificate they are shown for a name."""
    where, asked = f"{place}, {host}", f"TLS as {host}"
    if not seen.certificate:
        yield Step(place, "all", asked, "no TLS here", "look at the certificate where TLS ends, in front")
        return
    shown = x509.load_der_x509_certificate(seen.certificate)
    chain = next((one for one in place.chains if one[0] == shown), (shown,))
    answer = f"certificate until {shown.not_valid_after_utc:%Y-%m-%d}"
    found = list(check_as_phone(where, chain, host, now=now, is_public=seen.is_public))
    if seen.distrust and _SAME.get(seen.distrust) not in {one.id for one in found}:
        found.append(_distrusted(where, seen))
    for one in found:
        effect = "refuses to connect" if one.severity is Severity.ERROR else "warns, or gives up"
        yield Step(place, "phone, Outlook", asked, answer, effect, one)
    if place.chains and shown not in {one[0] for one in place.chains}:
        said = f"{where}: clients are shown another certificate than the listener's files hold (it ends on {shown.not_valid_after_utc:%Y-%m-%d})"
        remedy = "reload the service (systemctl reload handfast); else something else answers at this address"
        old = warning(FindingId.CLIENT_CERTIFICATE_OLD, said, remedy)
        yield Step(place, "all", asked, f"another {answer}", "is shown an older one", old)
    elif not found:
        yield Step(place, "all", asked, answer, "trusts it and goes on")


def _distrusted(where: str, seen: Seen) -> Finding:
    return warning(
        FindingId.CLIENT_CERTIFICATE_TRUST,
        f"{where}: the chain does not verify here ({seen.distrust}): phones that lack the CA give up, some silently",
        "append the CA's intermediate certificates; a CA of your own must be on every device, and is given here by --ca-file",
    )
