"""A connection's bytes with a memory: what arrives while nobody reads is kept, and the peer's leaving is noticed."""

from __future__ import annotations

import asyncio
import contextlib

_CHUNK = 64 * 1024


class Wire:
    """Reads whole pieces from a stream. `closed()` may wait beside a slow answer without losing the next request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()

    @property
    def is_closed(self) -> bool:
        """Whether either side has closed and nothing is left to read."""
        return self._writer.is_closing() or (self._reader.at_eof() and not self._buffer)

    async def until(self, separator: bytes, limit: int) -> bytes:
        """Everything before `separator`, which is consumed. Raises: EOFError, ValueError above `limit` bytes."""
        while (end := self._buffer.find(separator)) < 0:
            if len(self._buffer) > limit:
                raise ValueError(f"more than {limit} bytes without an end")
            if not await self._fill():
                raise EOFError
        piece = bytes(self._buffer[:end])
        del self._buffer[: end + len(separator)]
        return piece

    async def exactly(self, length: int) -> bytes:
        """`length` bytes. Raises: EOFError."""
        while len(self._buffer) < length:
            if not await self._fill():
                raise EOFError
        piece = bytes(self._buffer[:length])
        del self._buffer[:length]
        return piece

    async def rest(self, limit: int) -> bytes:
        """Everything until the peer closes. Raises: ValueError above `limit` bytes."""
        while await self._fill():
            if len(self._buffer) > limit:
                raise ValueError(f"more than {limit} bytes")
        piece = bytes(self._buffer)
        self._buffer.clear()
        return piece

    async def closed(self) -> None:
        """Returns when the peer has closed; what it sends before that stays for later reading."""
        while len(self._buffer) < _CHUNK:
            if not await self._fill():
                return
        await (
            asyncio.Event().wait()
        )  # A peer that talks on and on is not gone; stop listening until it is read.

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # Closed from the other side already: that is what was wanted.
            await self._writer.wait_closed()

    async def _fill(self) -> bool:
        data = await self._reader.read(_CHUNK)
        self._buffer += data
        return bool(data)
