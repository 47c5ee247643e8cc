"""Peers of a gateway that work: an identity in memory, a back end of raw sockets, a client that speaks bytes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ConnectionCredential,
    NoCredential,
    NtlmCredential,
    TicketCredential,
)
from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.ports import (
    BackendAuthorization,
    GatewayEvent,
    IssuedChallenge,
    RevocationBatch,
    WipeReport,
)
from handfast.decision.publication import ACTIVESYNC_RULES, AuthMethod, CredentialPolicy, Publication
from handfast.decision.reasons import Reason
from handfast.gateway.config import BackendConfig, GatewayConfig, ListenerConfig, PublicationConfig
from handfast.gateway.worker import GatewayWorker
from handfast.identity.policies import DevicePolicy
from handfast.identity.ports import Unavailable
from handfast.identity.records import Revocation, RevocationScope
from handfast.observability.decisions import DecisionRecord

HOST = "mail.example.org"
DEVICE = "DeviceId=ABC123&DeviceType=iPhone"
TARGET = f"/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&{DEVICE}"
ACCOUNTS = {"alice": 1, "bob": 2}
SECRETS = {"alice": "apple", "bob": "banana"}


@dataclass
class FakeIdentity:
    """Decides, signs in behind, and revokes; everything it was asked stays to be looked at."""

    epoch: int = 1
    lifetime_seconds: float = 300.0
    is_available: bool = True
    delay_seconds: float = 0.0
    version: str = ""
    asked: list[AccessRequest] = field(default_factory=list)
    refused_versions: list[str] = field(default_factory=list)
    events: list[GatewayEvent] = field(default_factory=list)
    records: list[DecisionRecord] = field(default_factory=list)
    blocked: set[int] = field(default_factory=set)
    challenges: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    """Where there is one, nothing is decided before it is set: for what must happen until then."""
    heartbeat_seconds: float = 0.05
    wipe_reports: list[WipeReport] = field(default_factory=list)
    is_wipe_known: bool = True
    answers: Callable[[AccessRequest], Decision | None] = lambda _: None
    is_beating: bool = True
    _queues: list[asyncio.Queue[RevocationBatch | None]] = field(default_factory=list)

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        if not self.is_available:
            raise Unavailable("fake")
        challenge_id = f"c{len(self.challenges)}"
        self.challenges[challenge_id] = connection_id
        return IssuedChallenge(challenge_id, b"NTLMSSP\0\2\0\0\0" + challenge_id.encode().ljust(44, b"\0"))

    async def evaluate(self, request: AccessRequest) -> Decision:
        self.asked.append(request)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.gate is not None:
            await self.gate.wait()
        if not self.is_available:
            raise Unavailable("fake")
        given = self.answers(request)
        if given is not None:
            return given
        user, reason = self._user(request)
        if user is None:
            outcome = Outcome.CHALLENGE if reason is Reason.CREDENTIAL_MISSING else Outcome.DENY
            return Decision(outcome, reason)
        account = ACCOUNTS[user]
        if account in self.blocked:
            return Decision(Outcome.DENY, Reason.DEVICE_BLOCKED, login=user)
        grant = Grant(
            grant_id=f"g{len(self.asked)}",
            publication=request.publication,
            account_id=account,
            principal=user,
            epoch=self.epoch,
            lifetime_seconds=self.lifetime_seconds,
            device_id=request.device.device_id if request.device else None,
            session=b"" if isinstance(request.credential, BasicCredential) else f"s:{user}".encode(),
        )
        proof = b"ours" if isinstance(request.credential, TicketCredential) else b""
        return Decision(Outcome.ALLOW, Reason.ALLOWED, grant, login=user, answer_token=proof)

    def _user(self, request: AccessRequest) -> tuple[str | None, Reason]:
        credential = request.credential
        match credential:
            case BasicCredential():
                if SECRETS.get(credential.login) == credential.secret:
                    return credential.login, Reason.ALLOWED
                return None, Reason.CREDENTIAL_WRONG
            case NtlmCredential():
                if self.challenges.pop(credential.challenge_id, None) != credential.connection_id:
                    return None, Reason.NTLM_CHALLENGE_UNKNOWN
                name = credential.authenticate[12:].rstrip(b"\0").decode()
                return (name, Reason.ALLOWED) if name in ACCOUNTS else (None, Reason.CREDENTIAL_WRONG)
            case TicketCredential():
                name = credential.token.rpartition(b"\x01\x00")[2].partition(b"|")[0].decode()
                return (name, Reason.ALLOWED) if name in ACCOUNTS else (None, Reason.TICKET_REFUSED)
            case ConnectionCredential():
                return credential.session.decode().removeprefix("s:"), Reason.ALLOWED
            case NoCredential():
                return None, Reason.CREDENTIAL_MISSING

    async def authorize(self, grant: Grant, channel_binding: bytes = b"") -> BackendAuthorization:
        return BackendAuthorization(((b"X-Remote-User", grant.principal.encode()),), self.version)

    async def confirm(self, grant: Grant, handle: str, token: bytes) -> bool:
        return False

    async def report_refused(self, grant: Grant, version: str) -> None:
        self.refused_versions.append(version)

    async def revocations(self, after_epoch: int):
        queue: asyncio.Queue[RevocationBatch | None] = asyncio.Queue()
        self._queues.append(queue)
        try:
            while True:
                if self.is_beating:
                    yield RevocationBatch(self.epoch)
                try:
                    batch = await asyncio.wait_for(queue.get(), self.heartbeat_seconds)
                except TimeoutError:
                    continue
                if batch is None:
                    raise Unavailable("fake stream cut")
                yield batch
        finally:
            self._queues.remove(queue)

    async def report_wipe(self, report: WipeReport) -> bool:
        if not self.is_available:
            raise Unavailable("fake")
        self.wipe_reports.append(report)
        return self.is_wipe_known

    def revoke(self, scope: RevocationScope, **fields) -> None:
        self.epoch += 1
        revocation = Revocation(self.epoch, scope, datetime.now(UTC), **fields)
        for queue in self._queues:
            queue.put_nowait(RevocationBatch(self.epoch, (revocation,)))

    def cut_stream(self) -> None:
        for queue in self._queues:
            queue.put_nowait(None)

    def record(self, item) -> None:
        (self.events if isinstance(item, GatewayEvent) else self.records).append(item)


Handler = Callable[["BackendPeer"], Awaitable[None]]


@dataclass
class BackendPeer:
    """One connection as the back end sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: bytearray

    async def read_head(self) -> bytes:
        data = await self.reader.readuntil(b"\r\n\r\n")
        self.seen += data
        return data

    async def read_exactly(self, size: int) -> bytes:
        data = await self.reader.readexactly(size)
        self.seen += data
        return data

    async def read_chunked(self) -> bytes:
        body = b""
        while True:
            line = await self.reader.readline()
            self.seen += line
            size = int(line.strip(), 16)
            data = await self.read_exactly(size + 2)
            if not size:
                return body
            body += data[:-2]

    async def read_request(self) -> tuple[bytes, bytes]:
        head = await self.read_head()
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return head, await self.read_chunked()
        if b"content-length: " in lower:
            size = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            return head, await self.read_exactly(size)
        return head, b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"ok", *, head: bytes = b"") -> None:
        await self.send(
            b"HTTP/1.1 200 OK\r\nServer: inside\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), head, body)
        )


async def echo(peer: BackendPeer) -> None:
    """Answers each request with who asked and the body it sent."""
    while True:
        head, body = await peer.read_request()
        user = head.split(b"X-Remote-User: ")[1].split(b"\r\n")[0] if b"X-Remote-User: " in head else b"-"
        await peer.answer(user + b":" + body)


class RawBackend:
    """A TCP server whose handler is a script; records every byte of every connection."""

    def __init__(self, handler: Handler = echo, *, ssl=None) -> None:
        self.handler = handler
        self.ssl = ssl
        self.seen: list[bytearray] = []
        self.open = 0
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self) -> RawBackend:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.ssl)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self.ssl else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_) -> None:
        self.server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # uvloop closes handles in a later turn

    async def _serve(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        seen = bytearray()
        peer = BackendPeer(reader, writer, seen)
        self.open += 1
        try:
            # A connection that sends nothing (a health check) leaves no trace.
            first = await reader.read(1)
            if not first:
                return
            reader._buffer[:0] = first
            self.seen.append(seen)
            await self.handler(peer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    @property
    def heads(self) -> list[bytes]:
        return [bytes(item) for item in self.seen]


def basic(user: str, secret: str | None = None) -> str:
    secret = SECRETS[user] if secret is None else secret
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def request_bytes(
    *,
    method: str = "POST",
    target: str = TARGET,
    user: str | None = "alice",
    body: bytes | None = b"",
    extra: str = "",
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}"]
    if user is not None:
        lines.append(f"Authorization: {basic(user)}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode() + (body or b"")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    head: bytes


class RawClient:
    """A client that sends what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def read_answer(self, *, method: str = "POST", timeout: float = 20.0) -> Answer:
        async with asyncio.timeout(timeout):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
            status = int(lines[0].split(" ")[1])
            body = b""
            if method != "HEAD" and status not in (204, 304) and status >= 200:
                if headers.get("transfer-encoding") == "chunked":
                    while size := int(await self.reader.readline(), 16):
                        body += await self.reader.readexactly(size)
                        await self.reader.readexactly(2)
                    await self.reader.readexactly(2)
                elif "content-length" in headers:
                    body = await self.reader.readexactly(int(headers["content-length"]))
                else:
                    body = await self.reader.read()
            return Answer(status, headers, body, head)

    async def ask(self, **fields) -> Answer:
        await self.send(request_bytes(**fields))
        return await self.read_answer(method=fields.get("method", "POST"))

    async def is_closed(self, timeout: float = 20.0) -> bool:
        """True when the gateway closed; raises if more bytes come instead."""
        async with asyncio.timeout(timeout):
            try:
                data = await self.reader.read(1)
            except ConnectionError:
                return True
        assert data == b"", data
        return True

    def close(self) -> None:
        self.writer.transport.abort()


class Gateway:
    """A worker with its fakes, on loopback."""

    def __init__(
        self, *urls: str, identity: FakeIdentity | None = None, listener=None, backend=None, **options
    ) -> None:
        self.identity = identity or FakeIdentity()
        methods = options.pop("methods", (AuthMethod.BASIC, AuthMethod.NTLM))
        max_body = options.pop("max_body_bytes", 64 * 1024 * 1024)
        paths, handlings = options.pop("paths", ()), options.pop("handlings", {})
        publication = Publication(
            "mail",
            (HOST,),
            options.pop("rules", ACTIVESYNC_RULES),
            credentials=CredentialPolicy(methods=frozenset(methods)),
            denials=options.pop("denials", ()),
            devices=options.pop("devices", DevicePolicy()),
        )
        backend_config = BackendConfig(urls, auth_header="X-Remote-User", **(backend or {}))
        self.config = GatewayConfig(
            (replace(ListenerConfig("outside"), **(listener or {})),),
            (
                PublicationConfig(
                    publication,
                    backend_config,
                    tuple(methods),
                    max_body_bytes=max_body,
                    paths=paths,
                    handlings=handlings,
                ),
            ),
            denial_quantum_seconds=options.pop("denial_quantum_seconds", 0.02),
            **options,
        )
        self.worker = GatewayWorker(
            self.config,
            decider=self.identity,
            sign_in=self.identity,
            revocations=self.identity,
            audit=self.identity,
            recorder=self.identity,
            reports=self.identity,
        )
        self.clients: list[RawClient] = []

    async def __aenter__(self) -> Gateway:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        await self.worker.start({"outside": self.socket})
        async with asyncio.timeout(20):
            while not self.worker.state.link.is_reachable and self.identity.is_beating:
                await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_) -> None:
        for client in self.clients:
            client.close()
        await self.worker.stop(0.5)
        self.socket.close()
        await asyncio.sleep(0.01)

    @property
    def idle_behind(self) -> int:
        """How many connections to its back ends it keeps for later."""
        pools = (
            app.pool
            for listener in self.worker.state.model.listeners.values()
            for app in listener.router._apps.values()
        )
        return sum(len(kept) for pool in pools for kept in pool._idle.values())

    async def client(self, *, ssl=None, before: bytes = b"", server_hostname=None) -> RawClient:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=ssl, server_hostname=server_hostname
        )
        client = RawClient(reader, writer)
        self.clients.append(client)
        if before:
            await client.send(before)
        return client


async def until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


with contextlib.suppress(ImportError):
    import uvloop  # noqa: F401
