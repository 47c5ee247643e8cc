"""One question to the gateway's own listener, asked as a client would: TLS with the published name, then HTTP.

It connects to the one address it is given, follows no redirect, and reads a bounded answer within one deadline.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

from handfast.protocols.http1.proxy_v2 import SIGNATURE

ASK_SECONDS = 15.0
"""For connection, handshake and answer: a refusal comes within a second, a mail server's own answer within some."""
MAX_ANSWER_BYTES = 512 * 1024
BALANCER_S_OWN = SIGNATURE + b"\x20\x00\x00\x00"
"""The PROXY header of a balancer that asks for itself (LOCAL): nobody's address is claimed."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client sends; `headers` without Host and Content-Length.

    `is_secret`: sent only where the chain and the name in the certificate verify.
    """

    method: str
    host: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""
    is_secret: bool = False

    @property
    def encoded(self) -> bytes:
        """The request as its bytes."""
        own = {"Host": self.host, "User-Agent": "handfast-doctor", "Connection": "close"}
        length = {"Content-Length": str(len(self.body))} if self.body or self.method == "POST" else {}
        fields = {**own, **self.headers, **length}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back. `status` 0: nothing, and `problem` says why.

    `headers` have lower-case names, repeated ones joined by ", ". `certificate` is the server's, DER, empty where there
    was none; `distrust` says why it does not verify, "" where it does; `is_public`: it does by the system's roots alone.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""
    problem: str = ""
    certificate: bytes = b""
    distrust: str = ""
    is_public: bool = False


class Visitor:
    """Asks one listener. `ca_file` is trusted beside the system's roots; `is_balancer`: a PROXY header is due here."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        is_tls: bool,
        ca_file: Path | None = None,
        is_balancer: bool = False,
    ) -> None:
        self._address = address
        self._is_tls = is_tls
        self._is_balancer = is_balancer
        self._trusts: tuple[Path | None, ...] = (None,) if ca_file is None else (None, ca_file)
        self._contexts: dict[tuple[Path | None, bool], ssl.SSLContext] = {}

    def ask(self, ask: Ask) -> Seen:
        """Never raises for what the network does."""
        if not self._is_tls:
            # Whoever took the port of a service that is down would be told the password.
            return Seen(distrust="there is no TLS here") if ask.is_secret else self._ask(ask, None)
        seen = Seen()
        for trust in self._trusts:
            seen = self._ask(ask, self._context(trust, checks_name=ask.is_secret))
            if not seen.distrust:
                return replace(seen, is_public=trust is None)
        if ask.is_secret:
            return seen
        # The rest of the examination still says something, so it goes on; secrets were not and will not be sent.
        return replace(self._ask(ask, _unverified()), distrust=seen.distrust)

    def _context(self, trust: Path | None, *, checks_name: bool) -> ssl.SSLContext:
        known = self._contexts.get((trust, checks_name))
        if known is not None:
            return known
        context = ssl.create_default_context()
        if trust is not None:
            context.load_verify_locations(cafile=str(trust))
        # Where nothing secret is sent, a wrong name is told by `strictness`, with what to do.
        context.check_hostname = checks_name
        context.hostname_checks_common_name = False
        self._contexts[trust, checks_name] = context
        return context

    def _ask(self, ask: Ask, context: ssl.SSLContext | None) -> Seen:
        ends = time.monotonic() + ASK_SECONDS
        try:
            with socket.create_connection(self._address, timeout=ASK_SECONDS) as plain:
                if self._is_balancer:
                    plain.sendall(BALANCER_S_OWN)
                if context is None:
                    return _exchange(plain, ask, ends)
                with context.wrap_socket(plain, server_hostname=ask.host) as secured:
                    shown = secured.getpeercert(binary_form=True) or b""
                    return replace(_exchange(secured, ask, ends), certificate=shown)
        except ssl.SSLCertVerificationError as problem:
            return Seen(problem="the certificate does not verify", distrust=problem.verify_message)
        except OSError as problem:
            return Seen(problem=getattr(problem, "strerror", None) or str(problem) or "no answer")


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _exchange(connection: socket.socket, ask: Ask, ends: float) -> Seen:
    """`ends` is monotonic. Raises: OSError."""
    connection.sendall(ask.encoded)
    data = b""
    while len(data) < MAX_ANSWER_BYTES:
        # One deadline for the whole answer: a server that drips bytes must not hold the doctor.
        connection.settimeout(max(ends - time.monotonic(), 0.001))
        piece = connection.recv(64 * 1024)
        if not piece:
            break
        data += piece
    return read_answer(data, ask.method)


class _Received:
    """Bytes in the place of a connection, for the parser."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> BinaryIO:
        return io.BytesIO(self._data)


def read_answer(data: bytes, method: str) -> Seen:
    """An answer as it came; a body that was cut off counts as far as it goes."""
    if not data:
        return Seen(problem="the connection was closed without an answer")
    answer = http.client.HTTPResponse(cast("socket.socket", _Received(data)), method=method)
    try:
        answer.begin()
        body = answer.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial
    except (http.client.HTTPException, ValueError):
        return Seen(problem="the answer is no HTTP")
    headers: dict[str, str] = {}
    for name, value in answer.getheaders():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return Seen(answer.status, headers, body)
