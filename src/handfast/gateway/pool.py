"""The servers behind a publication, and the connections to them.

A kept connection belongs to (account, server) and is given to nobody else: what a server remembers of a connection
(NTLM, a session) can't cross to another person.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from urllib.parse import urlsplit

from handfast.decision.reasons import Reason
from handfast.gateway.config import BackendConfig
from handfast.gateway.tls import backend_context, has_pinned_certificate
from handfast.gateway.upstream import NEVER_SIGNED_IN, UpstreamConnection
from handfast.gateway.wheel import TimerWheel
from handfast.identity.ports import Unavailable
from handfast.identity.records import AccountId

EARLY_SECONDS = 1.0
"""A server that closes an idle connection so soon did not mean to keep it."""
EARLY_CLOSES = 3
UNKEPT_SECONDS = 600.0
REFUSED_SECONDS = 5.0
MAX_REFUSED = 4096


@dataclass(slots=True, eq=False)
class Backend:
    """One server. `authority` is host and port as in the URL; `is_well` is what the last check or connection attempt said."""

    url: str
    host: str
    port: int
    uses_tls: bool
    authority: str = ""
    is_well: bool = True
    connections: int = 0
    early_closes: int = 0
    unkept_until: float = 0.0

    def note_unanswered_close(self, kept_at: float, now: float) -> None:
        """It closed a connection that was idle since `kept_at` (0: never), or before it answered on it.

        Right after becoming idle, three times in a row: then none is kept for a while. Such a server (SOGo is one)
        closes after every answer without saying so; a request sent in between is lost, and a POST can't be repeated.
        """
        if not kept_at or now - kept_at >= EARLY_SECONDS:
            return
        self.early_closes += 1
        if self.early_closes >= EARLY_CLOSES:
            self.unkept_until = now + UNKEPT_SECONDS


def build_backend(url: str) -> Backend:
    """Raises: ValueError for anything but http(s)://host[:port]."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(f"{url!r} is no back-end URL: give http://host[:port] or https://host[:port]")
    uses_tls = parts.scheme == "https"
    return Backend(url, parts.hostname, parts.port or (443 if uses_tls else 80), uses_tls, parts.netloc)


class PoolFull(Unavailable):
    """The server has as many connections of ours as the configuration allows."""


class RefusedSignIns:
    """Accounts that identity gave no ticket for, for some seconds: a phone that tries again at once would have a connection
    opened, TLS and all, for each time that it hears the same.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[AccountId, str], tuple[float, Reason]] = OrderedDict()

    def keep(self, account_id: AccountId, publication: str, reason: Reason, now: float) -> None:
        """Notes a refusal; with too many the oldest gives way."""
        key = account_id, publication
        self._kept[key] = now + REFUSED_SECONDS, reason
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_REFUSED:
            self._kept.popitem(last=False)

    def find(self, account_id: AccountId, publication: str, now: float) -> Reason | None:
        """Why there was no ticket just now, or None."""
        kept = self._kept.get((account_id, publication))
        return kept[1] if kept is not None and now < kept[0] else None


class BackendPool:
    """Connections of one worker to the servers of one back-end configuration."""

    __slots__ = (
        "_context",
        "_idle",
        "_open",
        "backends",
        "config",
        "is_closing",
        "loop",
        "refused_sign_ins",
        "wheel",
    )

    def __init__(self, config: BackendConfig, loop: asyncio.AbstractEventLoop, wheel: TimerWheel) -> None:
        """Raises: ValueError (URL), OSError, ssl.SSLError (CA file)."""
        self.config = config
        self.loop = loop
        self.wheel = wheel
        self.backends = [build_backend(url) for url in config.urls]
        self.is_closing = False
        self._context = backend_context(config) if any(item.uses_tls for item in self.backends) else None
        self.refused_sign_ins = RefusedSignIns()
        self._idle: dict[AccountId, list[UpstreamConnection]] = {}
        self._open: defaultdict[AccountId, set[UpstreamConnection]] = defaultdict(set)

    def now(self) -> float:
        """Loop time."""
        return self.loop.time()

    def find_idle(self, account_id: AccountId) -> UpstreamConnection | None:
        """A kept connection of that account to a server that is well, or None. The youngest first."""
        kept = self._idle.get(account_id)
        while kept:
            connection = kept.pop()
            if not kept:
                del self._idle[account_id]
            transport = connection.transport
            if (
                connection.is_closed
                or transport is None
                or transport.is_closing()
                or not connection.backend.is_well
            ):
                connection.close()
                continue
            return connection
        return None

    def keep(self, connection: UpstreamConnection) -> None:
        """Takes a connection back after its exchange."""
        now, backend = self.now(), connection.backend
        if connection.kept_at:
            backend.early_closes = 0
        if (
            connection.account_id is None
            or self.is_closing
            or self.config.idle_seconds <= 0
            or now < backend.unkept_until
        ):
            connection.close()
            return
        connection.kept_at = now
        self._idle.setdefault(connection.account_id, []).append(connection)
        self.wheel.watch(connection, now + self.config.idle_seconds)

    def forget(self, connection: UpstreamConnection) -> None:
        """A connection has ended."""
        connection.backend.connections -= 1
        account_id = connection.account_id
        if account_id is None:
            return
        mine = self._open.get(account_id)
        if mine is not None:
            mine.discard(connection)
            if not mine:
                del self._open[account_id]
        kept = self._idle.get(account_id)
        if kept is not None and connection in kept:
            kept.remove(connection)
            if not kept:
                del self._idle[account_id]

    def close_account(self, account_id: AccountId) -> None:
        """Ends every idle connection of an account; those in flight end with their requests."""
        for connection in tuple(self._idle.get(account_id, ())):
            connection.close()

    def forget_sign_ins(self) -> None:
        """What connections were signed in with counts no longer: it may have been for another service than is due now."""
        for connections in self._open.values():
            for connection in connections:
                connection.signed_in_at = NEVER_SIGNED_IN

    def close_idle(self) -> None:
        """Ends every idle connection, and from now on each one that becomes idle."""
        self.is_closing = True
        for kept in tuple(self._idle.values()):
            for connection in tuple(kept):
                connection.close()

    async def connect(self, account_id: AccountId | None) -> UpstreamConnection:
        """A new connection to the first server that takes one; servers that are well come first.

        Raises: PoolFull, Unavailable.
        """
        candidates = sorted(self.backends, key=lambda item: not item.is_well)
        full = 0
        for backend in candidates:
            if backend.connections >= self.config.max_connections:
                full += 1
                continue
            try:
                return await self.connect_to(backend, account_id)
            except (OSError, TimeoutError, ssl.SSLError):
                backend.is_well = False
        if full:
            raise PoolFull("every back end has as many connections as allowed")
        raise Unavailable("no back end accepts a connection")

    async def connect_to(self, backend: Backend, account_id: AccountId | None) -> UpstreamConnection:
        """A new connection to one server, verified. Raises: OSError, TimeoutError, ssl.SSLError."""
        backend.connections += 1
        connection = UpstreamConnection(self, backend, account_id)
        try:
            async with asyncio.timeout(self.config.connect_timeout_seconds):
                transport, _ = await self._open_transport(backend, connection)
            self._check_pin(backend, transport)
        except BaseException:
            if connection.is_closed:
                raise
            connection.is_closed = True
            backend.connections -= 1
            if connection.transport is not None:
                connection.transport.abort()
            raise
        backend.is_well = True
        if account_id is not None:
            self._open[account_id].add(connection)
        return connection

    async def _open_transport(
        self, backend: Backend, connection: UpstreamConnection
    ) -> tuple[asyncio.Transport, UpstreamConnection]:
        if not backend.uses_tls:
            return await self.loop.create_connection(lambda: connection, backend.host, backend.port)
        return await self.loop.create_connection(
            lambda: connection,
            backend.host,
            backend.port,
            ssl=self._context,
            server_hostname=self.config.server_name or backend.host,
            ssl_handshake_timeout=self.config.connect_timeout_seconds,
        )

    def _check_pin(self, backend: Backend, transport: asyncio.Transport) -> None:
        if not backend.uses_tls or self.config.verify != "pin-sha256":
            return
        if not has_pinned_certificate(transport.get_extra_info("ssl_object"), self.config.pin_sha256):
            raise ssl.SSLCertVerificationError("the server's certificate has none of the pinned fingerprints")
