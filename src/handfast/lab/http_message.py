"""HTTP/1.1 messages as the laboratory needs them: heads, and bodies by length, by chunks or until the end.

Source: RFC 9112.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.lab.wire import Wire

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
_NO_BODY_STATUSES = frozenset({204, 304})


class BadMessage(ValueError):
    """What arrived is no HTTP message; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order, names compared without case."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The first value of that name, "" without one."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        return [value for field, value in self.fields if field.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; `peer` is address and port, `user` the login, "" before sign-in."""

    method: str
    target: str
    headers: Headers
    body: bytes = field(repr=False)
    peer: str = ""
    user: str = ""

    @property
    def path(self) -> str:
        """The target without its query, as it was sent."""
        return self.target.partition("?")[0]

    @property
    def raw_query(self) -> str:
        """What follows the question mark, as it was sent."""
        return self.target.partition("?")[2]


async def read_head(wire: Wire) -> tuple[str, Headers]:
    """A start line and its headers. Raises: EOFError, BadMessage."""
    try:
        raw = await wire.until(b"\r\n\r\n", MAX_HEAD_BYTES)
    except ValueError as error:
        raise BadMessage(f"head: {error}") from None
    start_line, *lines = raw.decode("latin-1").lstrip("\r\n").split("\r\n")
    return start_line, Headers(tuple(_field(line) for line in lines))


async def read_body(wire: Wire, headers: Headers, *, until_end: bool = False) -> bytes:
    """The body the headers announce; with `until_end` one without length goes on until the peer closes.

    Raises: EOFError, BadMessage.
    """
    encodings = [value.strip().lower() for value in headers.all("Transfer-Encoding")]
    lengths = headers.all("Content-Length")
    if encodings and (encodings != ["chunked"] or lengths):
        raise BadMessage("odd framing")
    if encodings:
        return await _chunks(wire)
    if lengths:
        return await wire.exactly(_length(lengths))
    try:
        return await wire.rest(MAX_BODY_BYTES) if until_end else b""
    except ValueError as error:
        raise BadMessage(f"body: {error}") from None


def may_have_body(method: str, status: int) -> bool:
    """Whether an answer with `status` to `method` has a body. Source: RFC 9112 6.3."""
    return method != "HEAD" and status >= 200 and status not in _NO_BODY_STATUSES


def render_head(start_line: str, fields: list[tuple[str, str]]) -> bytes:
    """The bytes of a head with its empty line."""
    lines = [start_line, *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise BadMessage(f"header line {line[:40]!a}")
    return name, value.strip(" \t")


def _length(values: list[str]) -> int:
    if len(values) != 1 or not (values[0].isascii() and values[0].isdigit()):
        raise BadMessage("odd Content-Length")
    length = int(values[0])
    if length > MAX_BODY_BYTES:
        raise BadMessage("body too long")
    return length


async def _chunks(wire: Wire) -> bytes:
    body = bytearray()
    while size := await _chunk_size(wire):
        body += await wire.exactly(size)
        if len(body) > MAX_BODY_BYTES:
            raise BadMessage("body too long")
        if await wire.exactly(2) != b"\r\n":
            raise BadMessage("chunk without its end")
    while await wire.until(b"\r\n", MAX_HEAD_BYTES):
        pass  # Trailers mean nothing here.
    return bytes(body)


async def _chunk_size(wire: Wire) -> int:
    line = await wire.until(b"\r\n", 4096)
    digits = line.partition(b";")[0].strip()
    try:
        size = int(digits, 16)
    except ValueError:
        raise BadMessage(f"chunk size {digits[:20]!a}") from None
    if not 0 <= size <= MAX_BODY_BYTES:
        raise BadMessage("chunk too long")
    return size
