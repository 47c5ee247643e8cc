"""What is wrong with a back end. Pure, over what the probe saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from handfast.doctor.findings import Finding, FindingId, error, warning


@dataclass(frozen=True, slots=True)
class BackendSight:
    """What one server did: how far a request came, and why no further.

    `failed_at` is "name", "connect", "tls", "pin", "answer" or "" (it answered); `fingerprint` is the SHA-256 of the
    certificate it showed, hex, where it showed one; `at` is our own time when its answer came.
    """

    url: str
    failed_at: str = ""
    problem: str = ""
    status: int = 0
    date: datetime | None = None
    at: datetime | None = None
    fingerprint: str = ""


_FAILURES = {
    "name": (
        FindingId.BACKEND_NAME,
        "has no address",
        "correct the URL, or the DNS or hosts file of this machine",
    ),
    "connect": (
        FindingId.BACKEND_CONNECT,
        "takes no connection",
        "is it running? does a firewall stand between?",
    ),
    "tls": (
        FindingId.BACKEND_TLS,
        "shows a certificate that does not verify",
        "set `ca_file` to its CA and `server_name` to its name",
    ),
    "pin": (
        FindingId.BACKEND_PIN,
        "shows a certificate that is not pinned",
        "if it was renewed, set `pin_sha256` to the new fingerprint",
    ),
    "answer": (
        FindingId.BACKEND_ANSWER,
        "does not answer in HTTP",
        "is that the right port? https for TLS, http without",
    ),
}


def check_backend(publication: str, sight: BackendSight) -> Iterator[Finding]:
    """A server must be reached, verified, and answer without an error of its own."""
    if sight.failed_at:
        finding_id, what, remedy = _FAILURES[sight.failed_at]
        shown = f" (it shows {sight.fingerprint})" if sight.failed_at == "pin" else ""
        yield error(
            finding_id, f"publication {publication}: {sight.url} {what}: {sight.problem}{shown}", remedy
        )
    elif sight.status >= 500:
        said = f"publication {publication}: {sight.url} answers {sight.status}"
        yield warning(FindingId.BACKEND_STATUS, said, "look at that server's own log")
    elif sight.status == 404:
        said = f"publication {publication}: {sight.url} knows no such path (404)"
        yield warning(
            FindingId.BACKEND_STATUS, said, "check the publication's `path`, and that ActiveSync is on there"
        )
