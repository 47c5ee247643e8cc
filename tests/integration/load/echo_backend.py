"""A small fast back end, a process of its own: it says who a request was forwarded for, and repeats what it brought.

`python -m tests.integration.load.echo_backend PORT [LOG]`. The answer's body is `USER NONCE BODY`, where USER is the identity
header the gateway set, NONCE the request's `Echo-Nonce` and BODY the request's own. `Echo-Wish` asks for a manner:

    length      Content-Length (also without any wish)
    chunked     in chunks, cut at odd places
    trickle     chunks with pauses between them: there is time to lose a connection in the middle
    hang        no answer at all
    slow        the answer after two seconds
    torn        Content-Length, half of the body, then the connection closes
    unchunked   chunks without an end, then the connection closes

With LOG, each request appends one line `USER NONCE` before it is answered: what reached the back end, whoever it was for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

from tests.servers.processes import accepts, free_port, running

ROOT = Path(__file__).resolve().parents[3]
TRICKLE_SECONDS = 0.05


class Echo(asyncio.Protocol):
    """One connection of the gateway's pool; one request at a time, as the gateway sends them."""

    def __init__(self, log: int | None) -> None:
        self._log = log
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            fields = _fields(bytes(self._buffer[:end]))
            if fields.get(b"transfer-encoding") == b"chunked":
                parsed = _unchunk(bytes(self._buffer), end + 4)
                if parsed is None:
                    return
                body, after = parsed
            else:
                after = end + 4 + int(fields.get(b"content-length", b"0"))
                if len(self._buffer) < after:
                    return
                body = bytes(self._buffer[end + 4 : after])
            del self._buffer[:after]
            self._answer(fields, body)

    def _answer(self, fields: dict[bytes, bytes], body: bytes) -> None:
        user, nonce = fields.get(b"x-remote-user", b"-"), fields.get(b"echo-nonce", b"-")
        if self._log is not None:
            os.write(self._log, b"%b %b\n" % (user, nonce))
        said = b"%b %b %b" % (user, nonce, body)
        loop = asyncio.get_running_loop()
        match fields.get(b"echo-wish"):
            case b"chunked":
                self._transport.write(_HEAD_CHUNKED + b"".join(map(_chunk, _pieces(said))) + b"0\r\n\r\n")
            case b"trickle":
                self._transport.write(_HEAD_CHUNKED)
                parts = [*map(_chunk, _pieces(said)), b"0\r\n\r\n"]
                for number, part in enumerate(parts, 1):
                    loop.call_later(number * TRICKLE_SECONDS, self._write, part)
            case b"hang":
                return
            case b"slow":
                loop.call_later(2, self._write, _with_length(said))
            case b"torn":
                whole = _with_length(said)
                self._transport.write(whole[: len(whole) - len(said) // 2])
                self._transport.close()
            case b"unchunked":
                self._transport.write(_HEAD_CHUNKED + _chunk(said))
                self._transport.close()
            case _:
                self._transport.write(_with_length(said))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


_HEAD_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _with_length(said: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n%b" % (
        len(said),
        said,
    )


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _pieces(said: bytes) -> list[bytes]:
    third = len(said) // 3 + 1
    return [said[at : at + third] for at in range(0, len(said), third)]


def _fields(head: bytes) -> dict[bytes, bytes]:
    lines = head.split(b"\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}


def _unchunk(data: bytes, at: int) -> tuple[bytes, int] | None:
    """(body, where it ends), or None while it is not whole."""
    body = bytearray()
    while (line := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:line].split(b";")[0], 16)
        at = line + 2
        if len(data) < at + size + 2:
            return None
        if size == 0:
            return bytes(body), at + 2
        body += data[at : at + size]
        at += size + 2
    return None


@contextlib.contextmanager
def echo_backend(folder: Path, *, log: Path | None = None) -> Iterator[str]:
    """Runs one; yields its URL."""
    port = free_port()
    command = [sys.executable, "-m", "tests.integration.load.echo_backend", str(port)]
    with running(
        [*command, str(log)] if log else command,
        log=folder / f"echo-{port}.log",
        ready=lambda: accepts(port),
        directory=ROOT,
    ):
        yield f"http://127.0.0.1:{port}"


async def _serve(port: int, log: int | None) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Echo(log), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    descriptor = (
        os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if len(sys.argv) > 2 else None
    )
    uvloop.run(_serve(int(sys.argv[1]), descriptor))
