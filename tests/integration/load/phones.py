"""Many clients in one event loop: HTTP/1.1 over TLS with Basic or NTLM, one request at a time on a connection."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from handfast.identity_api.admin_client import AdminClient
from tests.fakes.ntlm_client import NtlmClient
from tests.installation import HOST, Installation

PATH = "/Microsoft-Server-ActiveSync"
ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """One whole answer; field names are lower-case."""

    status: int
    fields: dict[bytes, list[bytes]]
    body: bytes

    def value(self, name: bytes) -> bytes:
        return self.fields.get(name, [b""])[0]


class Lost(ConnectionError):
    """The connection ended before the answer did."""


class Connection(asyncio.Protocol):
    """One TLS connection. `exchange` sends a request and gives its whole answer; nobody else may use it meanwhile."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Answer] | None = None
        self._head: tuple[int, dict[bytes, list[bytes]], int] | None = None
        self.is_open = True
        self.first_byte = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self.first_byte.set()
        if self._waiter is None or self._waiter.done():
            raise AssertionError(f"an answer nobody asked for: {bytes(self._buffer[:200])!r}")
        try:
            answer = self._parse()
        except Exception as error:
            self._waiter.set_exception(AssertionError(f"unreadable answer: {error!r}"))
            return
        if answer is not None:
            self._waiter.set_result(answer)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_open = False
        self.lost.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Lost("closed in the middle of an answer"))

    async def exchange(self, request: bytes, *, seconds: float = ANSWER_SECONDS) -> Answer:
        """Raises: Lost, TimeoutError, AssertionError where what came is no answer."""
        if not self.is_open:
            raise Lost("closed before the request")
        self.begin(request)
        assert self._waiter is not None
        async with asyncio.timeout(seconds):
            answer = await self._waiter
        self._waiter = None
        if b"close" in answer.value(b"connection").lower():
            self.close()
        return answer

    def begin(self, request: bytes) -> None:
        """Sends without waiting."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.first_byte.clear()
        self.transport.write(request)

    def close(self) -> None:
        self.is_open = False
        self.transport.close()

    def abort(self) -> None:
        """As a phone that loses its network: no goodbye."""
        self.is_open = False
        self.transport.abort()

    def _parse(self) -> Answer | None:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            lines = bytes(self._buffer[:end]).split(b"\r\n")
            fields: dict[bytes, list[bytes]] = {}
            for line in lines[1:]:
                name, _, value = line.partition(b":")
                fields.setdefault(name.lower(), []).append(value.strip())
            assert lines[0].startswith(b"HTTP/1.1 "), lines[0]
            self._head = int(lines[0][9:12]), fields, end + 4
        status, fields, start = self._head
        if b"transfer-encoding" in fields:
            parsed = _unchunk(self._buffer, start)
            if parsed is None:
                return None
            body, after = parsed
        else:
            after = start + int(fields[b"content-length"][0])
            if len(self._buffer) < after:
                return None
            body = bytes(self._buffer[start:after])
        assert len(self._buffer) == after, "bytes after the answer"
        self._buffer.clear()
        self._head = None
        return Answer(status, fields, body)


def _unchunk(data: bytearray, at: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:line], 16)
        at = line + 2
        if len(data) < at + size + 2:
            return None
        if size == 0:
            return bytes(body), at + 2
        body += data[at : at + size]
        at += size + 2
    return None


_nonces = itertools.count(1)


@dataclass
class Phone:
    """One device of one account, with the app password made for it."""

    user: str
    password: str
    device: str
    kind: str = "basic"
    source: str = "127.0.0.1"
    domain: str = "CONTOSO"
    connection: Connection | None = field(default=None, repr=False)

    @property
    def basic(self) -> bytes:
        pair = f"{self.domain}\\{self.user}:{self.password}".encode()
        return b"Basic " + b64encode(pair)

    async def connect(self, port: int, context: ssl.SSLContext) -> Connection:
        """A fresh connection, signed in already where NTLM is spoken; the old one is closed."""
        if self.connection is not None and self.connection.is_open:
            self.connection.close()
        self.connection = connection = await open_connection(port, context, self.source)
        if self.kind == "ntlm":
            await self._sign_in(connection)
        return connection

    async def _sign_in(self, connection: Connection) -> None:
        client = NtlmClient(
            self.user, self.domain, self.password, now=datetime.now(UTC), workstation=self.device[:15]
        )
        first = await connection.exchange(
            self.request(b"", nonce=b"-", authorization=b"NTLM " + b64encode(client.negotiate()))
        )
        assert first.status == 401, (first.status, first.body)
        challenge = next(
            value[5:] for value in first.fields[b"www-authenticate"] if value.startswith(b"NTLM ")
        )
        proof = b"NTLM " + b64encode(client.authenticate(b64decode(challenge)))
        nonce = self.nonce()
        answer = await connection.exchange(self.request(b"", nonce=nonce, authorization=proof))
        assert answer.status == 200, (self.user, answer.status, answer.body)
        assert answer.body == b"%b %b " % (self.user.encode(), nonce), (self.user, answer.body)

    def nonce(self) -> bytes:
        """Never used twice in this process."""
        return b"%b-%d" % (self.user.encode(), next(_nonces))

    def request(
        self,
        body: bytes,
        *,
        nonce: bytes,
        wish: bytes = b"",
        chunked: bool = False,
        authorization: bytes | None = None,
        command: str = "Sync",
    ) -> bytes:
        """One request of this phone; with Basic its Authorization is sent each time, with NTLM never again."""
        head = [
            f"POST {PATH}?Cmd={command}&User={self.user}&DeviceId={self.device}&DeviceType=LoadPhone HTTP/1.1",
            f"Host: {HOST}",
            "User-Agent: LoadPhone/1.0",
            "MS-ASProtocolVersion: 14.1",
            "Content-Type: application/vnd.ms-sync.wbxml",
        ]
        lines = [line.encode() for line in head]
        lines.append(b"Echo-Nonce: " + nonce)
        if wish:
            lines.append(b"Echo-Wish: " + wish)
        if authorization is None and self.kind == "basic":
            authorization = self.basic
        if authorization is not None:
            lines.append(b"Authorization: " + authorization)
        if chunked:
            lines.append(b"Transfer-Encoding: chunked")
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        else:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join([*lines, b"", b""]) + body


async def open_connection(port: int, context: ssl.SSLContext, source: str = "127.0.0.1") -> Connection:
    """From an address of ours: all of 127.0.0.0/8 is this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1", local_addr=(source, 0)
    )
    return connection


async def hang_up(phones: Iterable[Phone]) -> None:
    """Closes what is open; the loop must not end before that."""
    connections = [phone.connection for phone in phones if phone.connection is not None]
    for connection in connections:
        connection.abort()
    await asyncio.gather(*(connection.lost.wait() for connection in connections))


class Office:
    """The administrator at the admin socket, without the command line's start-up time for each of many calls."""

    def __init__(self, site: Installation) -> None:
        self._client = AdminClient(site.folder / "run" / "admin.sock")

    def call(self, method: str, **arguments: object) -> Any:
        """Raises: IdentityNotRunning, AdministrationError."""
        return self._client.call(method, **arguments)

    def add_accounts(self, users: Iterable[str]) -> None:
        rows = [{"user": user, "domain": "CONTOSO", "upn": f"{user}@contoso.lab"} for user in users]
        done = self.call("account_import", rows=rows)
        assert not done["problems"], done

    def phone(self, user: str, device: str, kind: str = "basic", source: str = "127.0.0.1") -> Phone:
        """A phone with an app password of its own, issued for its device."""
        issued = self.call("app_password_issue", account=user, ntlm=kind == "ntlm")
        return Phone(user, issued["password"], device, kind, source)


def basic(user: str, secret: str, domain: str = "CONTOSO") -> bytes:
    """The Authorization value of a guess."""
    return b"Basic " + b64encode(f"{domain}\\{user}:{secret}".encode())
