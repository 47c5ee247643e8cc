"""TLS contexts: the listeners' own, chosen by SNI, with the channel binding of each; and those for back ends."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from handfast.gateway.config import BackendConfig, CertificateConfig
from handfast.protocols.ntlm.channel_bindings import certificate_hash_name, tls_server_end_point_data


class ServerTls:
    """The certificates of one listener. `context` is the default; the others are chosen by name in the handshake."""

    __slots__ = ("_bindings", "_by_name", "context")

    def __init__(self, contexts: Sequence[tuple[ssl.SSLContext, bytes, frozenset[str]]]) -> None:
        self.context = contexts[0][0]
        self._bindings = {id(context): binding for context, binding, _ in contexts}
        self._by_name: dict[str, ssl.SSLContext] = {}
        for context, _, names in contexts:
            for name in names:
                self._by_name.setdefault(name, context)
        if len(contexts) > 1:
            self.context.sni_callback = self._choose

    def binding_of(self, connection: ssl.SSLObject | None) -> bytes:
        """The application data of the channel binding for the certificate that this very connection was shown."""
        return b"" if connection is None else self._bindings.get(id(connection.context), b"")

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        chosen = self._find(name.lower()) if name else None
        if chosen is not None:
            connection.context = chosen

    def _find(self, name: str) -> ssl.SSLContext | None:
        return self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])


def load_server_tls(certificates: Sequence[CertificateConfig]) -> ServerTls:
    """Raises: OSError, ssl.SSLError, ValueError (a file that holds no certificate)."""
    return ServerTls([_load(item) for item in certificates])


def backend_context(config: BackendConfig) -> ssl.SSLContext:
    """The context for a publication's servers: verified by CA and name, or by pin after the handshake.

    Raises: OSError, ssl.SSLError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.verify == "pin-sha256":
        # The pin is checked on the finished handshake, before a byte is sent (see `has_pinned_certificate`).
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif config.ca_file is not None:
        context.load_verify_locations(cafile=config.ca_file)
    else:
        context.load_default_certs()
    return context


def has_pinned_certificate(connection: ssl.SSLObject, pins: Sequence[str]) -> bool:
    """True where the server's certificate has one of the SHA-256 fingerprints (hex, colons allowed)."""
    shown = connection.getpeercert(binary_form=True)
    if shown is None:
        return False
    digest = hashlib.sha256(shown).hexdigest()
    return any(hmac.compare_digest(digest, pin.replace(":", "").lower()) for pin in pins)


@lru_cache(maxsize=256)
def end_point_data(certificate: bytes) -> bytes:
    """The application data of the channel binding for a certificate in DER. Raises: ValueError."""
    return _binding(x509.load_der_x509_certificate(certificate))


def _load(item: CertificateConfig) -> tuple[ssl.SSLContext, bytes, frozenset[str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # A client resumes with its newest ticket; a second one is work and bytes for each connection.
    context.num_tickets = 1
    context.load_cert_chain(item.certificate, item.key)
    certificate = x509.load_pem_x509_certificate(Path(item.certificate).read_bytes())
    return context, _binding(certificate), _names(certificate)


def _binding(certificate: x509.Certificate) -> bytes:
    """Source: RFC 5929 4.1: the hash of the signature, SHA-256 in place of MD5 and SHA-1."""
    algorithm = certificate.signature_hash_algorithm
    name = certificate_hash_name(algorithm.name if algorithm is not None else None)
    digest = hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()
    return tls_server_end_point_data(digest)


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return frozenset(str(item.value).lower() for item in common)
    return frozenset(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))
