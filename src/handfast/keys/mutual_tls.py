"""TLS contexts for the link between gateway nodes and identity: TLS 1.3 alone, both ends certified by the node CA."""

from __future__ import annotations

import ssl
from pathlib import Path


def build_identity_context(certificate: Path, key: Path, ca_file: Path) -> ssl.SSLContext:
    """Identity's end: shows its certificate and takes only clients that the node CA certified.

    Raises: ssl.SSLError, OSError where a file can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _pin(context, certificate, key, ca_file)
    # No resumption: each connection shows its certificate anew, so that a revoked or expired one ends with it.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def build_node_context(certificate: Path, key: Path, ca_file: Path) -> ssl.SSLContext:
    """A node's end: shows its certificate and takes only a server that the node CA certified for the name called.

    Raises: ssl.SSLError, OSError where a file can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _pin(context, certificate, key, ca_file)
    context.check_hostname = True
    return context


def _pin(context: ssl.SSLContext, certificate: Path, key: Path, ca_file: Path) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cafile=ca_file)
