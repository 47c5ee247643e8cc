"""Request and response heads: one regular expression says what is a head, and nothing else is.

The caller finds the end of the head (the first empty line) and hands over everything up to and including it. A head
that the expression does not match is read again, slowly, only to say what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from handfast.protocols.errors import MalformedMessage

HEAD_END = b"\r\n\r\n"
MAX_FIELDS = 100
MAX_TARGET_BYTES = 8192
_METHOD_WINDOW = 66

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELD = rb"(" + _TOKEN + rb"++):[ \t]*+([\t\x20-\x7e\x80-\xff]*+)\r\n"
_FIELD_BLOCK = rb"(?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
_FIELD_RE = re.compile(_FIELD)
_KNOWN_METHOD = rb"(?:[A-Z]{1,32}|RPC_(?:IN|OUT)_DATA)"
"""Upper-case words, and the two of RPC over HTTP (MS-RPCH 2.1.2.1): who asks for that is told why it is refused."""
_KNOWN_METHOD_RE = re.compile(_KNOWN_METHOD)
_REQUEST_RE = re.compile(
    rb"(" + _KNOWN_METHOD + rb") ([\x21-\x7e]{1,8192}) HTTP/1\.([01])\r\n" + _FIELD_BLOCK
)
_RESPONSE_RE = re.compile(
    rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*+))?\r\n" + _FIELD_BLOCK
)
_VERSION_RE = re.compile(rb"HTTP/[0-9](?:\.[0-9])?")
_FIELD_LINE_RE = re.compile(_TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+")
_METHOD_RE = re.compile(_TOKEN + rb"{1,64}")
_HOST_RE = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?"
)
_BROKEN_LINE_RE = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_ONCE = frozenset(
    {
        b"host",
        b"authorization",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"content-type",
        b"upgrade",
    }
)
_REFUSED_METHODS = frozenset({b"CONNECT", b"TRACE", b"PRI"})


class RequestHead(NamedTuple):
    """A request head that holds every rule below. (A named tuple: one is made for each request, and it costs least.)

    Names in `headers` are lower-case; values are without the white space around them. `version` is the minor version
    (0 or 1) of HTTP/1. `host` is the Host field, lower-case, still with its port.
    """

    method: bytes
    target: bytes
    version: int
    headers: tuple[tuple[bytes, bytes], ...]
    host: bytes
    fields: dict[bytes, bytes]
    repeated: frozenset[bytes] = frozenset()

    def __repr__(self) -> str:
        """Without field values: they hold credentials."""
        return f"<RequestHead {self.method!r} {[name for name, _ in self.headers]}>"

    def find(self, name: bytes) -> bytes | None:
        """The value of a field that may come once, or None. Raises: MalformedMessage where it came more often."""
        if name in self.repeated:
            raise _refused(name.decode("ascii"), "given more than once", "RFC 9110 5.3")
        return self.fields.get(name)

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field, in order."""
        value = self.fields.get(name)
        if value is None:
            return []
        if len(self.fields) == len(self.headers):
            return [value]
        return [value for known, value in self.headers if known == name]


class ResponseHead(NamedTuple):
    """The head of an answer. `spelled` holds the fields as the server spelled them, in the order of `headers`."""

    status: int
    phrase: bytes
    version: int
    headers: tuple[tuple[bytes, bytes], ...]
    spelled: Sequence[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]

    def __repr__(self) -> str:
        """Without field values: they may hold cookies."""
        return f"<ResponseHead {self.status} {[name for name, _ in self.headers]}>"

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field, in order."""
        value = self.fields.get(name)
        if value is None:
            return []
        if len(self.fields) == len(self.headers):
            return [value]
        return [value for known, value in self.headers if known == name]


def parse_request_head(data: bytes) -> RequestHead:
    """The head of a request; `data` ends with the empty line that ends the head.

    One empty line before the request line is passed over (RFC 9112 2.2). Raises: MalformedMessage, with the status
    the specification names: 400, 414, 431, 417, 501, 505.
    """
    if data.startswith(b"\r\n"):
        data = data[2:]
    match = _REQUEST_RE.fullmatch(data)
    if match is None:
        raise _request_fault(data)
    method, target, minor = match.groups()
    found = _FIELD_RE.findall(data, match.end(3) + 2)
    if len(found) > MAX_FIELDS:
        raise _refused("header fields", f"more than {MAX_FIELDS}", "RFC 6585 5", status=431)
    headers = _lowered(found)
    fields = dict(headers)
    repeated = frozenset[bytes]() if len(fields) == len(headers) else _repeated(headers)
    _check_request_fields(method, fields, repeated)
    return RequestHead(
        method, target, 1 if minor == b"1" else 0, headers, fields[b"host"].lower(), fields, repeated
    )


def parse_response_head(data: bytes) -> ResponseHead:
    """The head of an answer; `data` ends with the empty line. Raises: MalformedMessage (the caller answers 502)."""
    match = _RESPONSE_RE.fullmatch(data)
    if match is None:
        raise _response_fault(data)
    minor, status, phrase = match.groups()
    found = _FIELD_RE.findall(data, data.index(b"\r\n") + 2)
    if len(found) > MAX_FIELDS:
        raise _refused("header fields", f"more than {MAX_FIELDS}")
    headers = _lowered(found)
    return ResponseHead(int(status), phrase or b"", 1 if minor == b"1" else 0, headers, found, dict(headers))


def _lowered(found: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Fields with lower-case names and without the white space that may follow a value."""
    fields = []
    for name, value in found:  # a loop: a comprehension is one call more for each head
        fields.append((name.lower(), value.rstrip(b" \t")))
    return tuple(fields)


def check_partial_head(data: bytes, start: int = 0) -> None:
    """Refuses a head before it is complete where more bytes can't mend it, so that nobody is left waiting for a 408.

    Bytes before `start` were checked before. Raises: MalformedMessage for bare CR or LF, control bytes, and a
    beginning that no method has.
    """
    if _BROKEN_LINE_RE.search(data, max(start - 1, 0)):
        raise _refused("head", "bare CR or LF, or a control byte", "RFC 9112 2.2")
    if start > _METHOD_WINDOW:
        return
    begin = data[2 : _METHOD_WINDOW + 2] if data.startswith(b"\r\n") else data[:_METHOD_WINDOW]
    method = begin.partition(b" ")[0]
    if begin not in (b"", b"\r") and not _METHOD_RE.fullmatch(method):
        raise _refused("request line", "does not begin with a method", "RFC 9112 3")


def _check_request_fields(method: bytes, fields: dict[bytes, bytes], repeated: frozenset[bytes]) -> None:
    """What a head must hold beyond its syntax."""
    if repeated and not repeated.isdisjoint(_ONCE):
        name = min(repeated & _ONCE).decode("ascii")
        raise _refused(name, "given more than once", "RFC 9110 5.3")
    if method in _REFUSED_METHODS:
        raise _refused("method", f"{method.decode('ascii')} is not served", "RFC 9110 9.1", status=501)
    host = fields.get(b"host")
    if host is None:
        raise _refused("Host", "missing", "RFC 9112 3.2")
    parsed = _HOST_RE.fullmatch(host)
    if parsed is None or (parsed[1] is not None and int(parsed[1]) > 65535) or b".." in host:
        raise _refused("Host", "is no host name with an optional port", "RFC 9112 3.2")
    expect = fields.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise _refused("Expect", "only 100-continue is known", "RFC 9110 10.1.1", status=417)
    if b"upgrade" in fields:
        raise _refused("Upgrade", "no other protocol is served here", "RFC 9110 7.8", status=501)


def _repeated(headers: tuple[tuple[bytes, bytes], ...]) -> frozenset[bytes]:
    """Names that come more than once."""
    seen: set[bytes] = set()
    return frozenset(name for name, _ in headers if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _request_fault(data: bytes) -> MalformedMessage:
    """Says what is wrong with a request head the expression refused."""
    if not data.endswith(HEAD_END):
        return _refused("head", "has no end", "RFC 9112 2.1")
    line, _, rest = data.partition(b"\r\n")
    if not line:
        return _refused("request line", "empty lines before it", "RFC 9112 2.2")
    fault = _request_line_fault(line)
    if fault is not None:
        return fault
    return _fields_fault(rest)


def _request_line_fault(line: bytes) -> MalformedMessage | None:
    """Says what is wrong with a request line, or None."""
    if _BROKEN_LINE_RE.search(line):
        return _refused("request line", "bare CR or LF, or a control byte", "RFC 9112 2.2")
    parts = line.split(b" ")
    if len(parts) != 3:
        return _refused("request line", "is not: method, target, version, one space between", "RFC 9112 3")
    method, target, version = parts
    if not _VERSION_RE.fullmatch(version):
        return _refused("version", "is no HTTP version", "RFC 9112 2.3")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        return _refused("version", "only HTTP/1.0 and HTTP/1.1 are served", "RFC 9110 15.6.6", status=505)
    if not _METHOD_RE.fullmatch(method):
        return _refused("method", "is no token", "RFC 9110 9.1")
    if not _KNOWN_METHOD_RE.fullmatch(method):
        return _refused("method", "is unknown", "RFC 9110 9.1", status=501)
    if len(target) > MAX_TARGET_BYTES:
        return _refused("target", f"longer than {MAX_TARGET_BYTES} bytes", "RFC 9110 15.5.15", status=414)
    if not target.isascii() or not target:
        return _refused("target", "is empty or not ASCII", "RFC 9112 3.2")
    return None


def _response_fault(data: bytes) -> MalformedMessage:
    """Says what is wrong with a response head the expression refused."""
    line, _, rest = data.partition(b"\r\n")
    if not data.endswith(HEAD_END):
        return _refused("head", "has no end", "RFC 9112 2.1")
    if not _RESPONSE_RE.fullmatch(line + HEAD_END):
        return _refused("status line", "is not: HTTP/1.x, three digits, phrase", "RFC 9112 4")
    return _fields_fault(rest)


def _fields_fault(block: bytes) -> MalformedMessage:
    """Says which field line is wrong, and how."""
    for line in block.split(b"\r\n"):
        if not line or _FIELD_LINE_RE.fullmatch(line):
            continue
        if line[:1] in (b" ", b"\t"):
            return _refused("header fields", "a folded line", "RFC 9112 5.2")
        if _BROKEN_LINE_RE.search(line):
            return _refused("header fields", "bare CR or LF, or a control byte", "RFC 9112 2.2")
        name, colon, _ = line.partition(b":")
        if not colon:
            return _refused("header fields", "a line without a colon", "RFC 9112 5")
        if name[-1:] in (b" ", b"\t"):
            return _refused("header fields", "white space before a colon", "RFC 9112 5.1")
        return _refused("header fields", "a name that is no token", "RFC 9110 5.1")
    return _refused("header fields", "an empty line inside", "RFC 9112 2.1")


def _refused(name: str, problem: str, source: str = "", *, status: int = 400) -> MalformedMessage:
    return MalformedMessage("http", name, problem, source, status=status)
