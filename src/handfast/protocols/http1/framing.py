"""Where a message ends. Every doubt is a refusal: two ends are how a second request is smuggled in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import RequestHead, ResponseHead

_LENGTH_RE = re.compile(rb"0|[1-9][0-9]{0,17}")
_CODINGS_RE = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_NEVER_WITH_BODY = frozenset({b"GET", b"HEAD", b"DELETE"})


@dataclass(frozen=True, slots=True)
class NoBody:
    """The message ends with its head."""


@dataclass(frozen=True, slots=True)
class ContentLength:
    """The body has exactly `length` bytes; never 0 on a request (that is NoBody with an announced length)."""

    length: int


@dataclass(frozen=True, slots=True)
class Chunked:
    """The body is chunked."""


@dataclass(frozen=True, slots=True)
class UntilClose:
    """The body ends with the connection; answers only."""


NO_BODY = NoBody()
CHUNKED = Chunked()
UNTIL_CLOSE = UntilClose()

RequestFraming = NoBody | ContentLength | Chunked
ResponseFraming = NoBody | ContentLength | Chunked | UntilClose


def request_body_framing(head: RequestHead) -> RequestFraming:
    """How the body of a request is framed. Source: RFC 9112 6.1, 6.3.

    Raises: MalformedMessage for both framings at once, an odd length, a coding other than one `chunked` (501 where
    it is another coding), chunked on HTTP/1.0, and a body on a method that has none.
    """
    length = head.fields.get(b"content-length")
    coding = head.fields.get(b"transfer-encoding")
    if coding is None:
        if length is None:
            return NO_BODY
        framing = _content_length(length)
        if isinstance(framing, ContentLength) and head.method in _NEVER_WITH_BODY:
            raise _refused("Content-Length", "the method has no body", "RFC 9110 9.3.1")
        return framing
    if length is not None:
        raise _refused("Transfer-Encoding", "stands beside Content-Length", "RFC 9112 6.1")
    if head.version == 0:
        raise _refused("Transfer-Encoding", "on HTTP/1.0", "RFC 9112 6.1")
    _check_coding(coding)
    if head.method in _NEVER_WITH_BODY:
        raise _refused("Transfer-Encoding", "the method has no body", "RFC 9110 9.3.1")
    return CHUNKED


def response_body_framing(head: ResponseHead, request_method: bytes) -> ResponseFraming:
    """How the body of an answer is framed. Source: RFC 9112 6.3. Raises: MalformedMessage where it is ambiguous."""
    length = head.fields.get(b"content-length")
    coding = head.fields.get(b"transfer-encoding")
    if length is not None and coding is not None:
        raise _refused("Transfer-Encoding", "stands beside Content-Length", "RFC 9112 6.1")
    is_repeated = len(head.fields) != len(head.headers)
    if is_repeated and (len(head.all(b"content-length")) > 1 or len(head.all(b"transfer-encoding")) > 1):
        raise _refused("framing", "given more than once", "RFC 9112 6.3")
    if coding is not None and head.version == 0:
        raise _refused("Transfer-Encoding", "on HTTP/1.0", "RFC 9112 6.1")
    framing: ResponseFraming = UNTIL_CLOSE
    if length is not None:
        framing = _content_length(length)
    elif coding is not None:
        _check_coding(coding)
        framing = CHUNKED
    if request_method == b"HEAD" or head.status == 304:
        return NO_BODY
    if head.status < 200 or head.status == 204:
        if isinstance(framing, ContentLength | Chunked):
            raise _refused("framing", f"a body on status {head.status}", "RFC 9110 8.6")
        return NO_BODY
    return framing


def _content_length(value: bytes) -> NoBody | ContentLength:
    """The one spelling of a length: digits, no sign, no leading zero, at most 18 of them."""
    if not _LENGTH_RE.fullmatch(value):
        raise _refused("Content-Length", "is no plain decimal number", "RFC 9110 8.6")
    length = int(value)
    return ContentLength(length) if length else NO_BODY


def _check_coding(value: bytes) -> None:
    """Exactly one `chunked`."""
    if value.lower() == b"chunked":
        return
    if not _CODINGS_RE.fullmatch(value) or value.lower().split(b",")[0].strip() == b"chunked":
        raise _refused("Transfer-Encoding", "is not exactly one chunked", "RFC 9112 6.1")
    raise _refused("Transfer-Encoding", "only chunked is known", "RFC 9112 6.1", status=501)


def _refused(name: str, problem: str, source: str, *, status: int = 400) -> MalformedMessage:
    return MalformedMessage("http", name, problem, source, status=status)
