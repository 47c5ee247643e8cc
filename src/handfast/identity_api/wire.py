"""The little HTTP/1.1 that our own two ends speak: one request at a time, framed by Content-Length, nothing optional.

Both ends are ours, so everything that leaves room for two readings is refused rather than understood: transfer codings
(save for the one stream identity sends), folded lines, repeated lengths, bare line feeds, expectations, trailers.
Source: RFC 9112 2.1, 3, 5, 6, 7.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from handfast.identity_api.fields import PROTOCOL
from handfast.protocols.errors import MalformedMessage

MAX_HEAD_BYTES = 4096
MAX_BODY_BYTES = 512 * 1024
"""A head of 96 KiB that is all NTLM, in Base64, twice over for JSON; and room for a list of thousands of devices."""
MAX_LINE_BYTES = 1024 * 1024
"""One line of the revocation stream: a replay of 1000 revocations is some 250 KiB."""
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\n"
    b"Cache-Control: no-store\r\n\r\n"
)

_REQUEST_LINE = re.compile(rb"(GET|POST) (/[A-Za-z0-9/_.-]*)(?:\?([A-Za-z0-9_=&.-]*))? HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [ -~]*")
_FIELD_LINE = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([ -~]*)")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,9}")
_SENDER = b"identity-process"
_CHUNK_SIZE = re.compile(rb"[0-9a-f]{1,8}")
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    503: b"Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `body` may hold secrets and stays out of `repr`."""

    method: str
    path: str
    query: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `body` is JSON."""

    status: int
    body: bytes = field(default=b"{}", repr=False)


class MessageReader:
    """Cuts a byte stream into (start line, body), each whole; `is_stream` tells of a chunked answer to follow.

    Raises: MalformedMessage, after which the stream can't be read on.
    """

    __slots__ = ("_buffer", "_max_body_bytes", "_need", "_start", "is_stream", "sender")

    def __init__(self, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.sender = ""
        """The process that sent the last head, "" where it did not say."""
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._start = b""
        self._need = -1
        self.is_stream = False

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises: MalformedMessage where more arrived than one message may have."""
        self._buffer += data
        if len(self._buffer) > MAX_HEAD_BYTES + self._max_body_bytes:
            raise MalformedMessage(PROTOCOL, "message", "too much at once")

    def next_message(self) -> tuple[bytes, bytes] | None:
        """(start line, body), or None until more has arrived."""
        if self._need < 0 and not self._read_head():
            return None
        if self.is_stream:
            return self._start, b""
        if len(self._buffer) < self._need:
            return None
        body = bytes(self._buffer[: self._need])
        del self._buffer[: self._need]
        self._need = -1
        return self._start, body

    def take_rest(self) -> bytes:
        """What arrived behind the head of a stream."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD_BYTES:
                raise MalformedMessage(PROTOCOL, "head", f"longer than {MAX_HEAD_BYTES} bytes")
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        self._start = lines[0]
        self._need = self._read_length(lines[1:])
        self.sender = _find_sender(lines[1:])
        return True

    def _read_length(self, lines: list[bytes]) -> int:
        """The length of the body, 0 where none is given."""
        length: bytes | None = None
        for line in lines:
            match = _FIELD_LINE.fullmatch(line)
            if match is None:
                raise MalformedMessage(PROTOCOL, "field line", "not in the form name: value", "RFC 9112 5")
            name = match[1].lower()
            if name == b"content-length":
                if length is not None or not _LENGTH.fullmatch(match[2]):
                    raise MalformedMessage(
                        PROTOCOL, "Content-Length", "repeated or no number", "RFC 9112 6.3"
                    )
                length = match[2]
            elif name == b"transfer-encoding":
                if match[2] != b"chunked":
                    raise MalformedMessage(PROTOCOL, "Transfer-Encoding", "not chunked", "RFC 9112 6.1")
                self.is_stream = True
            elif name in (b"expect", b"upgrade", b"trailer"):
                raise MalformedMessage(PROTOCOL, match[1].decode(), "not spoken here")
        if length is not None and self.is_stream:
            raise MalformedMessage(PROTOCOL, "framing", "two lengths for one body", "RFC 9112 6.3")
        if length is not None and int(length) > self._max_body_bytes:
            raise MalformedMessage(PROTOCOL, "Content-Length", f"above {self._max_body_bytes}")
        return int(length or b"0")


def _find_sender(lines: list[bytes]) -> str:
    """Of lines that are in the form."""
    fields = (line.partition(b":") for line in lines)
    return next((value.strip().decode() for name, _, value in fields if name.lower() == _SENDER), "")


class LineReader:
    """Cuts the chunked stream into its lines of JSON. Chunks and lines need not coincide."""

    __slots__ = ("_chunks", "_line")

    def __init__(self) -> None:
        self._chunks = bytearray()
        self._line = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now. Raises: MalformedMessage; EOFError after the last chunk."""
        self._chunks += data
        while self._take_chunk():
            pass
        if max(len(self._line), len(self._chunks)) > MAX_LINE_BYTES:
            raise MalformedMessage(PROTOCOL, "stream line", f"longer than {MAX_LINE_BYTES} bytes")
        *whole, rest = bytes(self._line).split(b"\n")
        self._line = bytearray(rest)
        return whole

    def _take_chunk(self) -> bool:
        end = self._chunks.find(b"\r\n", 0, 16)
        if end < 0:
            if len(self._chunks) >= 16:
                raise MalformedMessage(PROTOCOL, "chunk size", "too long", "RFC 9112 7.1")
            return False
        if not _CHUNK_SIZE.fullmatch(self._chunks, 0, end):
            raise MalformedMessage(PROTOCOL, "chunk size", "no lower-case hex number", "RFC 9112 7.1")
        size = int(self._chunks[:end], 16)
        if size == 0:
            raise EOFError
        if size > MAX_LINE_BYTES:
            raise MalformedMessage(PROTOCOL, "chunk size", f"above {MAX_LINE_BYTES}")
        if len(self._chunks) < end + 2 + size + 2:
            return False
        if self._chunks[end + 2 + size : end + 4 + size] != b"\r\n":
            raise MalformedMessage(PROTOCOL, "chunk", "does not end where it should", "RFC 9112 7.1")
        self._line += self._chunks[end + 2 : end + 2 + size]
        del self._chunks[: end + 4 + size]
        return True


def parse_request_line(line: bytes) -> tuple[str, str, str]:
    """(method, path, query). Raises: MalformedMessage."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise MalformedMessage(PROTOCOL, "request line", "none that is spoken here", "RFC 9112 3")
    return match[1].decode(), match[2].decode(), (match[3] or b"").decode()


def parse_status_line(line: bytes) -> int:
    """The status. Raises: MalformedMessage."""
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise MalformedMessage(PROTOCOL, "status line", "none that is spoken here", "RFC 9112 4")
    return int(match[1])


def encode_request(method: str, path: str, body: bytes = b"") -> bytes:
    """A whole request; the Host field names the role, not a machine."""
    return b"%s %s HTTP/1.1\r\nHost: identity\r\nContent-Length: %d\r\n\r\n%s" % (
        method.encode(),
        path.encode(),
        len(body),
        body,
    )


def encode_answer(answer: Answer, *, close: bool = False, sender: str = "") -> bytes:
    """A whole answer; `sender` names the process that gives it."""
    return b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s\r\n%s" % (
        answer.status,
        _REASONS.get(answer.status, b"-"),
        len(answer.body),
        b"Connection: close\r\n" if close else b"",
        b"%s: %s\r\n" % (_SENDER, sender.encode("ascii")) if sender else b"",
        answer.body,
    )


def encode_chunk(line: bytes) -> bytes:
    """One line of a stream, as one chunk."""
    return b"%x\r\n%s\n\r\n" % (len(line) + 1, line)
