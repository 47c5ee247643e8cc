"""Asks each server now and then whether it is well, so that requests don't have to find out."""

from __future__ import annotations

import asyncio
import logging
import ssl

from handfast.gateway.pool import Backend, BackendPool
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.framing import ResponseFraming
from handfast.protocols.http1.head import ResponseHead

_log = logging.getLogger(__name__)
_WELL = frozenset({401, *range(200, 400)})


class _HealthSink:
    """Waits for the status of one health request."""

    method = b"GET"

    def __init__(self) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_answer(
        self,
        head: ResponseHead,
        framing: ResponseFraming,  # noqa: ARG002 - the signature of AnswerSink
        pieces: list[bytes],  # noqa: ARG002 - as above
        *,
        is_done: bool,  # noqa: ARG002 - as above
    ) -> None:
        self._set(head.status)

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None:
        """The status was enough."""

    def on_upstream_lost(self, fault: MalformedMessage | None, *, timed_out: bool) -> None:  # noqa: ARG002
        self._set(0)

    def on_upstream_writable(self, *, writable: bool) -> None:
        """Nothing is waiting to be written."""

    def _set(self, status: int) -> None:
        if not self.status.done():
            self.status.set_result(status)


async def watch_backends(pool: BackendPool) -> None:
    """Checks every server of a pool until cancelled."""
    while True:
        for backend in pool.backends:
            was_well = backend.is_well
            backend.is_well = await check_backend(pool, backend)
            if was_well != backend.is_well:
                _log.warning(
                    "back end %s is %s", backend.url, "well again" if backend.is_well else "not well"
                )
        await asyncio.sleep(pool.config.health_every_seconds)


async def check_backend(pool: BackendPool, backend: Backend) -> bool:
    """True where the server takes a connection and, with a health path, answers it well."""
    try:
        connection = await pool.connect_to(backend, None)
    except (OSError, TimeoutError, ssl.SSLError):
        return False
    try:
        if not pool.config.health_path:
            return True
        sink = _HealthSink()
        host = pool.config.host or backend.authority
        head = f"GET {pool.config.health_path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        connection.begin(sink, [head.encode("ascii")], pool.config.connect_timeout_seconds)
        async with asyncio.timeout(pool.config.connect_timeout_seconds):
            return await sink.status in _WELL
    except TimeoutError:
        return False
    finally:
        connection.close()
