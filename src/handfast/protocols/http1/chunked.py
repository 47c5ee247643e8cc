"""The chunked coding, read strictly and written plainly. Source: RFC 9112 7.1.

Extensions and trailers are checked, bounded and dropped: nothing behind us ever sees one.
"""

from __future__ import annotations

import re

from handfast.protocols.errors import MalformedMessage

MAX_CHUNK_LINE_BYTES = 1024
MAX_TRAILER_BYTES = 8192
LAST_CHUNK = b"0\r\n\r\n"

_SIZE_RE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*+;[\t\x20-\x7e\x80-\xff]*+)?")
_TRAILER_RE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+")

_LINE, _DATA, _DATA_END, _TRAILERS, _DONE = range(5)


class ChunkedDecoder:
    """Eats bytes, gives pieces of the body. Never holds more than one line and never copies what it need not.

    `is_done` is True after the last trailer; `rest` then holds the bytes that follow the body.
    """

    __slots__ = ("_left", "_line", "_state", "_trailer_bytes", "rest")

    def __init__(self) -> None:
        self._state = _LINE
        self._left = 0
        self._line = b""
        self._trailer_bytes = 0
        self.rest = b""

    @property
    def is_done(self) -> bool:
        """True when the body is complete."""
        return self._state == _DONE

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of the body found in `data`. Raises: MalformedMessage."""
        pieces: list[bytes] = []
        position, end = 0, len(data)
        while position < end and self._state != _DONE:
            if self._state == _DATA:
                stop = min(end, position + self._left)
                pieces.append(data[position:stop] if stop - position < end else data)
                self._left -= stop - position
                position = stop
                if not self._left:
                    self._state = _DATA_END
            else:
                position = self._feed_line(data, position)
        if self._state == _DONE:
            self.rest = data[position:]
        return pieces

    def _feed_line(self, data: bytes, position: int) -> int:
        """Takes bytes up to the end of the line; returns the new position."""
        found = data.find(b"\n", position)
        stop = found + 1 if found >= 0 else len(data)
        limit = MAX_TRAILER_BYTES if self._state == _TRAILERS else MAX_CHUNK_LINE_BYTES
        if len(self._line) + stop - position > limit:
            raise _refused("line", f"longer than {limit} bytes")
        self._line += data[position:stop]
        if found >= 0:
            line, self._line = self._line, b""
            self._take_line(line)
        elif self._state == _DATA_END and self._line != b"\r":
            raise _refused("chunk data", "is longer than its size")
        return stop

    def _take_line(self, line: bytes) -> None:
        """One whole line, with its end."""
        if not line.endswith(b"\r\n"):
            raise _refused("line", "ends with a bare LF")
        line = line[:-2]
        if self._state == _DATA_END:
            if line:
                raise _refused("chunk data", "is longer than its size")
            self._state = _LINE
        elif self._state == _LINE:
            self._take_size(line)
        else:
            self._take_trailer(line)

    def _take_size(self, line: bytes) -> None:
        match = _SIZE_RE.fullmatch(line)
        if match is None:
            raise _refused("chunk size", "is no hexadecimal number of at most 16 digits")
        self._left = int(match[1], 16)
        self._state = _DATA if self._left else _TRAILERS

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self._state = _DONE
            return
        self._trailer_bytes += len(line) + 2
        if self._trailer_bytes > MAX_TRAILER_BYTES:
            raise _refused("trailers", f"longer than {MAX_TRAILER_BYTES} bytes")
        if not _TRAILER_RE.fullmatch(line):
            raise _refused("trailers", "a line that is no field")


def encode_chunk(piece: bytes) -> tuple[bytes, bytes, bytes]:
    """One chunk as parts, so that a large piece is not copied. An empty piece would end the body: give none."""
    return b"%x\r\n" % len(piece), piece, b"\r\n"


def _refused(name: str, problem: str) -> MalformedMessage:
    return MalformedMessage("http", f"chunked {name}", problem, "RFC 9112 7.1")
