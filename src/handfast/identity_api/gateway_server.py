"""Identity's end of the gateway API: its doors (Unix socket, mutual TLS), and which nodes may come in."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from handfast.decision.ports import BackendSignIn, Decider, DeviceReports, GatewayEvent
from handfast.identity.audit import AuditEvent
from handfast.identity.ports import Clock, Records, Repositories, RevocationPublisher, Unavailable
from handfast.identity.records import Revocation, RevocationScope
from handfast.identity_api.gateway_calls import NO_INSIDE, Caller, GatewayCalls, InsideListeners
from handfast.identity_api.http_server import HttpConnection
from handfast.identity_api.node_budget import NodeBudget
from handfast.identity_api.revocation_feed import RevocationFeed
from handfast.identity_api.unix_socket import listen_unix
from handfast.identity_api.wire import Answer, Request
from handfast.observability.logging import event_log

MAX_CONNECTIONS_PER_NODE = 2048
"""64 workers with a full pool each; more is no gateway."""
HANDSHAKE_SECONDS = 10.0

_LOG = event_log("identity-api")


class PeerCertificate(Protocol):
    """What the server needs to know of a verified client certificate."""

    @property
    def name(self) -> str: ...
    @property
    def publications(self) -> frozenset[str]: ...
    @property
    def serial(self) -> str: ...
    @property
    def not_after(self) -> datetime: ...


class GatewayApiServer:
    """Serves gateways. `parse_certificate` raises ValueError for what is no node certificate.

    `events` takes (node, event) and must not block; `local_only` names the publications with stored secrets,
    `per_connection` those with a ticket for each back-end connection. `revoked` hears of every revocation, this
    identity's own or another's. `process` is the name that this process puts on its grants and answers, so that gateways find
    it again behind a balancer.
    """

    def __init__(
        self,
        *,
        decider: Decider,
        sign_in: BackendSignIn,
        revocations: RevocationPublisher,
        records: Records,
        clock: Clock,
        parse_certificate: Callable[[bytes], PeerCertificate],
        events: Callable[[str, GatewayEvent], None] = lambda _node, _event: None,
        local_only: frozenset[str] = frozenset(),
        devices: DeviceReports | None = None,
        per_connection: frozenset[str] = frozenset(),
        inside: InsideListeners = NO_INSIDE,
        revoked: Callable[[Sequence[Revocation]], None] = lambda _revocations: None,
        process: str = "",
    ) -> None:
        self._process = process
        self._records = records
        self._revoked = revoked
        self._clock = clock
        self._parse_certificate = parse_certificate
        self._feed = RevocationFeed(
            records, revocations, on_published=self._cut_revoked, each_second=self._check_nodes
        )
        self._calls = GatewayCalls(
            decider, sign_in, self._feed, events, local_only, devices, per_connection, inside
        )
        self._callers: dict[HttpConnection, Caller] = {}
        self._budgets: dict[str, NodeBudget] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve_unix(
        self, path: Path, *, mode: int = 0o600, owner: int | None = None, group: int | None = None
    ) -> None:
        """Serves gateways of this machine at `path`. Raises: OSError."""
        self._feed.start()
        listener = listen_unix(path, mode=mode, owner=owner, group=group)
        loop = asyncio.get_running_loop()
        door = _Door(self._calls, self._callers, self._feed, _admit_local)
        server = await loop.create_unix_server(
            lambda: HttpConnection(door, self._tasks, process=self._process), sock=listener
        )
        self._servers.append(server)

    async def serve_tls(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Serves gateways of other machines on a listening TCP socket, by mutual TLS."""
        self._feed.start()
        loop = asyncio.get_running_loop()
        door = _Door(self._calls, self._callers, self._feed, self._admit_node)
        server = await loop.create_server(
            lambda: HttpConnection(door, self._tasks, process=self._process),
            sock=listener,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        self._servers.append(server)

    def policy_changed(
        self,
        local_only: frozenset[str],
        per_connection: frozenset[str] = frozenset(),
        inside: InsideListeners = NO_INSIDE,
    ) -> None:
        """A reload: every gateway, on this machine or not, has its grants decided anew; nothing is cut for it."""
        self._calls.local_only = local_only
        self._calls.per_connection = per_connection
        self._calls.inside = inside
        self._feed.resync()

    async def close(self, *, deadline_seconds: float = 5.0) -> None:
        """Takes no more connections, lets calls in progress finish until the deadline, then cuts all."""
        for server in self._servers:
            server.close()
        await self._feed.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_seconds)
        for connection in list(self._callers):
            connection.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _admit_node(self, connection: HttpConnection) -> Caller | None:
        """The node a connection belongs to; None where its certificate names none or was revoked."""
        tls = connection.peer("ssl_object")
        der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
        try:
            certificate = self._parse_certificate(der or b"")
        except ValueError as problem:
            _LOG.warning("node-refused", peer=connection.peer("peername"), why=str(problem))
            return None
        caller = Caller(
            node=certificate.name,
            publications=certificate.publications,
            serial=certificate.serial,
            not_after=certificate.not_after.timestamp(),
            budget=self._budget(certificate.name),
        )
        # Registered before the records are asked, so that a revocation in between finds the connection.
        self._callers[connection] = caller
        return caller if await self._may_enter(caller) else None

    async def _may_enter(self, caller: Caller) -> bool:
        assert caller.node is not None
        if sum(other.node == caller.node for other in self._callers.values()) > MAX_CONNECTIONS_PER_NODE:
            _LOG.warning("node-refused", node=caller.node, why="too many connections")
            return False
        try:
            revoked = await self._see(caller.node, caller.serial)
        except Unavailable as problem:
            _LOG.error("node-refused", node=caller.node, why=str(problem))
            return False
        if revoked:
            _LOG.warning("node-refused", node=caller.node, serial=caller.serial, why="revoked")
        return not revoked

    async def _see(self, name: str, serial: str) -> bool:
        """Records the first connection of each certificate for a while; True where it is revoked."""
        is_known = any(
            caller.node == name and caller.serial == serial and connection.is_admitted
            for connection, caller in self._callers.items()
        )
        if is_known:
            return await self._records.read(lambda records: records.nodes.is_revoked(name, serial))
        now = self._clock.now()
        return await self._records.write(lambda records: _record_seen(records, name, serial, now))

    def _budget(self, name: str) -> NodeBudget:
        # Kept beyond a connection's end: reconnecting must not refill it. Names come from certificates we issued.
        now = asyncio.get_running_loop().time()
        return self._budgets.setdefault(name, NodeBudget(now))

    def _cut_revoked(self, revocations: Sequence[Revocation]) -> None:
        self._revoked(revocations)
        names = {one.node for one in revocations if one.scope is RevocationScope.NODE}
        if names:
            self._cut(lambda caller: caller.node in names, "revoked")

    async def _check_nodes(self) -> None:
        """Each second, for certainty: cuts nodes whose certificate was revoked elsewhere or has expired."""
        now = self._clock.now().timestamp()
        self._cut(lambda caller: caller.not_after < now, "expired")
        present = {(caller.node, caller.serial) for caller in self._callers.values() if caller.node}
        if not present:
            return
        revoked = await self._records.read(
            lambda records: {
                (name, serial) for name, serial in present if records.nodes.is_revoked(name, serial)
            }
        )
        if revoked:
            self._cut(lambda caller: (caller.node, caller.serial) in revoked, "revoked")

    def _cut(self, is_meant: Callable[[Caller], bool], why: str) -> None:
        for connection, caller in list(self._callers.items()):
            if caller.node is not None and is_meant(caller):
                _LOG.warning("node-cut", node=caller.node, serial=caller.serial, why=why)
                connection.abort()


class _Door:
    """`ConnectionHandler` of one listening socket."""

    def __init__(
        self,
        calls: GatewayCalls,
        callers: dict[HttpConnection, Caller],
        feed: RevocationFeed,
        admit: Callable[[HttpConnection], Awaitable[Caller | None]],
    ) -> None:
        self._calls = calls
        self._callers = callers
        self._feed = feed
        self._admit = admit

    async def admit(self, connection: HttpConnection) -> bool:
        caller = await self._admit(connection)
        if caller is None or not connection.is_open:
            self._callers.pop(connection, None)
            return False
        self._callers[connection] = caller
        return True

    async def answer(self, request: Request, connection: HttpConnection) -> Answer | None:
        caller = self._callers.get(connection)
        # Cut or lost while its request waited: whoever asked is not to be answered.
        if caller is None or not connection.is_open:
            return Answer(403)
        return await self._calls.answer(request, caller, connection)

    def closed(self, connection: HttpConnection) -> None:
        self._callers.pop(connection, None)
        self._feed.drop(connection)


async def _admit_local(_connection: HttpConnection) -> Caller | None:
    return Caller()


def _record_seen(records: Repositories, name: str, serial: str, now: datetime) -> bool:
    """True where the certificate is revoked; a certificate's first visit is audited."""
    if records.nodes.is_revoked(name, serial):
        return True
    if records.nodes.seen(name, serial, now).first_seen_at == now:
        records.audit.append(
            AuditEvent.NODE_SEEN, now=now, actor="identity", subject=name, details={"serial": serial}
        )
    return False
