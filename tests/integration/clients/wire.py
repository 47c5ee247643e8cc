"""One TLS connection to the gateway with nothing hidden: the test sends each NTLM message itself."""

from __future__ import annotations

import base64
import http.client
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import spnego
from cryptography import x509
from cryptography.hazmat.primitives.hashes import Hash
from spnego.channel_bindings import GssChannelBindings

from tests.installation import HOST, Installation

OWN_CODE = {"NTLM": spnego.NegotiateOptions.use_ntlm, "Negotiate": spnego.NegotiateOptions.use_negotiate}
"""pyspnego's Python code, whatever GSSAPI the machine has."""


SOURCES = itertools.cycle(f"127.0.0.{number}" for number in range(2, 255))
"""Addresses to come from, one network in a phone's sense: failures of a source slow its further ones down."""


@dataclass(frozen=True)
class WireAnswer:
    status: int
    challenges: list[str]
    closes: bool

    def token(self, scheme: str) -> bytes:
        """What the server's challenge of that scheme carries, b"" without one."""
        found = [value.partition(" ")[2] for value in self.challenges if value.partition(" ")[0] == scheme]
        assert len(found) <= 1, self.challenges
        return base64.b64decode(found[0]) if found else b""


class WireClient:
    """A connection that never opens itself anew."""

    def __init__(self, site: Installation, host: str = HOST) -> None:
        self._host = host
        self._http = http.client.HTTPSConnection(
            "127.0.0.1", site.port, context=site.context(), timeout=20, source_address=(next(SOURCES), 0)
        )
        self._http.connect()
        self._http.auto_open = 0

    def close(self) -> None:
        self._http.close()

    def post(self, target: str, body: bytes, authorization: str | None = None, **fields: str) -> WireAnswer:
        """One request and its answer. Raises: http.client.NotConnected after the gateway has closed."""
        headers = {"Host": self._host, "Content-Type": "application/vnd.ms-sync.wbxml", **fields}
        if authorization is not None:
            headers["Authorization"] = authorization
        self._http.request("POST", target, body=body, headers=headers)
        answer = self._http.getresponse()
        answer.read()
        return WireAnswer(
            answer.status,
            answer.headers.get_all("WWW-Authenticate") or [],
            answer.getheader("Connection") == "close",
        )

    def bindings(self, *, of_another: bool = False) -> GssChannelBindings:
        """`tls-server-end-point` of the certificate the gateway has shown us. Source: RFC 5929 4.1."""
        sock = self._http.sock
        raw = sock.getpeercert(binary_form=True)
        algorithm = x509.load_der_x509_certificate(raw).signature_hash_algorithm
        digest = Hash(algorithm)
        digest.update(raw + (b"another" if of_another else b""))
        return GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())

    def sign_in(
        self,
        target: str,
        body: bytes,
        user: str,
        password: str,
        *,
        scheme: str = "NTLM",
        hostname: str = HOST,
        service: str = "http",
        bindings: GssChannelBindings | None = None,
    ) -> tuple[WireAnswer, list[str]]:
        """A handshake by pyspnego with the request in its last leg: the answer, and the Authorization values sent."""
        context = spnego.client(
            user,
            password,
            hostname=hostname,
            service=service,
            protocol=scheme.lower(),
            options=OWN_CODE[scheme],
            channel_bindings=bindings,
        )
        sent, token = [], context.step()
        while True:
            sent.append(authorization(scheme, token))
            is_last = len(sent) > 1
            answer = self.post(target, body if is_last else b"", sent[-1])
            if is_last:
                return answer, sent
            assert answer.status == 401
            token = context.step(answer.token(scheme))


def authorization(scheme: str, token: bytes) -> str:
    return f"{scheme} {base64.b64encode(token).decode()}"


@contextmanager
def wire(site: Installation, host: str = HOST) -> Iterator[WireClient]:
    """A connection, closed at the end."""
    client = WireClient(site, host)
    try:
        yield client
    finally:
        client.close()
