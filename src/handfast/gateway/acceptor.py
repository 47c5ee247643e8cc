"""Accepting: limits before anything is spent on a connection, then the PROXY header where one is due, then TLS.

Accepting is ours, not the event loop's, because the PROXY header stands before the TLS handshake and not one byte too
many may be read of it, and because a source's connections are counted before their handshakes cost anything.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from handfast.decision.ports import GatewayEvent
from handfast.gateway.downstream import DownstreamConnection
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.proxy_v2 import FIXED_BYTES, parse_fixed, parse_variable

if TYPE_CHECKING:
    from handfast.gateway.model import ListenerModel
    from handfast.gateway.state import WorkerState

PAUSE_SECONDS = 0.5
REMEMBERED_ADDRESSES = 1024

_log = logging.getLogger(__name__)
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Admission:
    """One connection's place in the counts; given back once."""

    __slots__ = ("_acceptor", "_sources")

    def __init__(self, acceptor: Acceptor) -> None:
        self._acceptor = acceptor
        self._sources: list[str] = []

    def enter(self, source: str) -> bool:
        """Counts a source (the peer, then the client a balancer names); False where it has its share already."""
        network = _network_of(source)
        counts = self._acceptor.by_source
        if counts[network] >= self._acceptor.listener().config.max_connections_per_source:
            return False
        counts[network] += 1
        self._sources.append(network)
        return True

    def leave(self) -> None:
        """The connection is over."""
        counts = self._acceptor.by_source
        for network in self._sources:
            counts[network] -= 1
            if not counts[network]:
                del counts[network]
        self._sources.clear()
        self._acceptor.open.discard(self)


class Acceptor:
    """Takes connections from one listening socket for one listener of the current model."""

    __slots__ = ("_is_listening", "_loop", "_resume", "_socket", "_state", "by_source", "name", "open")

    def __init__(self, state: WorkerState, name: str, listening: socket.socket) -> None:
        self._state = state
        self._loop = state.loop
        self.name = name
        self._socket = listening
        self._resume: asyncio.TimerHandle | None = None
        self._is_listening = False
        self.by_source: Counter[str] = Counter()
        self.open: set[Admission] = set()

    def listener(self) -> ListenerModel:
        """The listener as the current model has it."""
        return self._state.model.listeners[self.name]

    def start(self) -> None:
        """Begins to accept."""
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._accept)
        self._is_listening = True

    def stop(self) -> None:
        """Accepts nothing more; the socket itself stays its owner's."""
        if self._is_listening:
            self._loop.remove_reader(self._socket)
            self._is_listening = False
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None

    def _accept(self) -> None:
        """Takes one connection. The next turn of the loop takes the next: those who are served already come between.

        A crowd at the door then costs a client inside one opening a turn, not the whole crowd's.
        """
        try:
            connection, peer = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._pause(error)
            return
        connection.setblocking(False)
        self._admit(connection, _plain_address(str(peer[0])))

    def _pause(self, error: OSError) -> None:
        """Out of file descriptors: what waits is left waiting for a moment instead of spinning on it."""
        _log.error("listener %s can't accept: %s", self.name, error)
        self.stop()
        self._resume = self._loop.call_later(PAUSE_SECONDS, self.start)

    def _admit(self, connection: socket.socket, peer: str) -> None:
        listener = self.listener()
        admission = Admission(self)
        balanced = _is_in(peer, listener)
        if len(self.open) >= listener.config.max_connections or not (balanced or admission.enter(peer)):
            self._refuse(connection, admission, peer)
            return
        self.open.add(admission)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._state.spawn(self._begin(connection, listener, admission, peer, balanced=balanced))

    def _refuse(self, connection: socket.socket, admission: Admission, source: str) -> None:
        admission.leave()
        connection.close()
        self._state.audit.record(GatewayEvent("too-many-connections", source=source))

    async def _begin(
        self,
        connection: socket.socket,
        listener: ListenerModel,
        admission: Admission,
        source: str,
        *,
        balanced: bool,
    ) -> None:
        """The PROXY header where one is due, then TLS, then HTTP."""
        made: DownstreamConnection | None = None
        try:
            if balanced:
                async with asyncio.timeout(listener.config.head_timeout_seconds):
                    source = await self._read_proxy_header(connection) or source
                if not admission.enter(source):
                    self._refuse(connection, admission, source)
                    return
            made = DownstreamConnection(self._state, listener, admission, source)
            await self._hand_over(connection, listener, made)
        except (OSError, TimeoutError, ssl.SSLError, EOFError) as error:
            _log.debug("listener %s: connection of %s ended in its opening: %s", self.name, source, error)
            _give_up(connection, admission, made)
        except MalformedMessage as fault:
            _log.info("listener %s: %s sent %s", self.name, source, fault)
            self._state.audit.record(GatewayEvent("proxy-header-refused", source=source))
            _give_up(connection, admission, made)
        except BaseException:
            _give_up(connection, admission, made)
            raise

    async def _hand_over(
        self, connection: socket.socket, listener: ListenerModel, made: DownstreamConnection
    ) -> None:
        factory: Callable[[], DownstreamConnection] = lambda: made  # noqa: E731
        if listener.context is None:
            await self._loop.connect_accepted_socket(factory, connection)
            return
        await self._loop.connect_accepted_socket(
            factory,
            connection,
            ssl=listener.context,
            ssl_handshake_timeout=listener.config.head_timeout_seconds,
            ssl_shutdown_timeout=5.0,
        )

    async def _read_proxy_header(self, connection: socket.socket) -> str:
        """The address a balancer names, "" for its own check. Raises: MalformedMessage, EOFError, OSError."""
        fixed = await self._read_exactly(connection, FIXED_BYTES)
        return parse_variable(fixed, await self._read_exactly(connection, parse_fixed(fixed))).source

    async def _read_exactly(self, connection: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = await self._loop.sock_recv(connection, size - len(data))
            if not piece:
                raise EOFError("closed within its PROXY header")
            data += piece
        return data


def _give_up(connection: socket.socket, admission: Admission, made: DownstreamConnection | None) -> None:
    if made is not None and made.transport is not None:
        made.transport.abort()
        return
    admission.leave()
    connection.close()


@lru_cache(maxsize=REMEMBERED_ADDRESSES)
def _plain_address(text: str) -> str:
    """An IPv4 address that came over an IPv6 socket, as the IPv4 address it is."""
    address = ip_address(text.partition("%")[0])
    return str(address.ipv4_mapped or address) if isinstance(address, IPv6Address) else str(address)


@lru_cache(maxsize=REMEMBERED_ADDRESSES)
def _network_of(source: str) -> str:
    """Who counts as one source: an IPv4 address, an IPv6 /64."""
    address = ip_address(source)
    if isinstance(address, IPv4Address):
        return source
    return str(ip_network((address, 64), strict=False))


def _is_in(peer: str, listener: ListenerModel) -> bool:
    networks = listener.config.proxy_protocol_from
    if not networks:
        return False
    address = ip_address(peer)
    return any(address in network for network in networks)
