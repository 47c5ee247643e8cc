"""LDAP over TLS as ldap3 is to do it: the chain and the controller's own name are verified, wherever it was reached."""

from __future__ import annotations

import math
import ssl
from pathlib import Path
from typing import Any

from handfast.directory.library import ldap3


def build_context(ca_file: Path | None) -> ssl.SSLContext:
    """For all controllers; `ca_file` None: the system's CAs. Raises: OSError, ssl.SSLError for a file that holds none."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class VerifiedTls(ldap3.Tls):
    """ldap3's own check takes a certificate for the address as well as one for the name; ours asks OpenSSL for `name` alone.

    Source: RFC 6125 6, RFC 4513 3.1.3.
    """

    def __init__(self, context: ssl.SSLContext, name: str, timeout_seconds: float) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self._name = name
        self._timeout_seconds = timeout_seconds
        self.refusal = ""
        """What is wrong with the certificate, in OpenSSL's words; ldap3 tells of an error only that there was one."""

    def wrap_socket(self, connection: Any, do_handshake: bool = True) -> None:  # noqa: FBT001, FBT002 - ldap3 calls it so
        """Called by ldap3 with the connected socket; the handshake is under the same timeout as every answer."""
        connection.socket.settimeout(self._timeout_seconds)
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=self._name, do_handshake_on_connect=False
        )
        # Not before the connection holds the new socket: only then can `Session.abort` end a handshake.
        if do_handshake:
            try:
                connection.socket.do_handshake()
            except ssl.SSLCertVerificationError as error:
                self.refusal = error.verify_message
                raise


def whole_seconds(seconds: float) -> int:
    """ldap3 takes no fractions for what it sets itself; never less than asked."""
    return max(1, math.ceil(seconds))
