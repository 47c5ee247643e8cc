"""One call to identity on another machine, as a gateway worker makes it: reached, verified, let in."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from handfast.doctor import probes
from handfast.doctor.findings import Finding, FindingId, error
from handfast.doctor.nodes import is_identity_certificate
from handfast.settings.gateway import IdentityLink
from handfast.settings.model import Settings

CALL_SECONDS = 5.0
"""To connect, and again to be answered."""
CALL = b"GET /v1/doctor HTTP/1.1\r\nHost: identity\r\nContent-Length: 0\r\n\r\n"
"""A call that identity does not know: whatever the answer says, an answer says that the node is let in."""

BuildContext = Callable[[Path, Path, Path], ssl.SSLContext]
"""A node's end of mutual TLS, from certificate, key and CA file. Raises: OSError."""


def call_identity(settings: Settings, link: IdentityLink, build_context: BuildContext) -> Iterator[Finding]:
    """Calls identity as a worker does: reached, verified, let in."""
    parts = urlsplit(link.url)
    try:
        context = build_context(link.certificate, link.key, link.ca_file)
        connection = socket.create_connection((parts.hostname or "", parts.port or 443), CALL_SECONDS)
    except OSError as problem:
        remedy = "start identity there; does a firewall stand between, is the URL right?"
        said = f"[gateway.identity]: {link.url} can't be reached: {problem.strerror or problem}"
        yield error(FindingId.IDENTITY_UNREACHABLE, said, remedy)
        return
    with connection:
        try:
            with context.wrap_socket(connection, server_hostname=parts.hostname) as secured:
                yield from _ask(settings, link, secured)
        except ssl.SSLCertVerificationError as problem:
            yield _not_identity(link, problem.verify_message)
        except OSError as problem:
            yield _refused(settings, link, problem.strerror or str(problem))


def _ask(settings: Settings, link: IdentityLink, secured: ssl.SSLSocket) -> Iterator[Finding]:
    if not is_identity_certificate(secured.getpeercert(binary_form=True) or b""):
        yield _not_identity(link, "it is not one for identity")
        return
    secured.sendall(CALL)
    status, _ = probes.parse_head(probes.read_head(secured, time.monotonic() + CALL_SECONDS))
    if not status:
        yield _refused(settings, link, "it ends the connection without an answer")


def _not_identity(link: IdentityLink, why: str) -> Finding:
    host = urlsplit(link.url).hostname
    said = f"[gateway.identity]: the certificate of {link.url} does not verify: {why}"
    remedy = (
        f"on identity's machine `handfast pki issue identity --identity --host {host} --into DIR`, put both files in "
        "place there and restart identity; is ca_file its `ca.crt`?"
    )
    return error(FindingId.IDENTITY_CERTIFICATE, said, remedy)


def _refused(settings: Settings, link: IdentityLink, why: str) -> Finding:
    said = f"[gateway.identity]: {link.url} does not let node {settings.gateway.node} in: {why}"
    remedy = (
        "`handfast pki list` on identity's machine tells whether it was revoked, `node-refused` in its log why; a "
        f"revoked name stays refused: set gateway.node to a new one, {node_renewal('NEW', [one.name for one in settings.publications])}"
    )
    return error(FindingId.NODE_REFUSED, said, remedy)


def node_renewal(node: str, publications: Sequence[str]) -> str:
    """The remedy that gives a node a certificate."""
    named = " ".join(f"--publication {one}" for one in publications)
    command = f"`handfast pki issue {node} {named} --into DIR`"
    return f"on identity's machine {command}, put both files in place here and restart the gateway"
