"""Answers that leave whole: collected from a back end, decoded and rewritten, or made by the gateway itself."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.content_coding import decode_content
from handfast.protocols.http1.framing import NO_BODY, ContentLength, NoBody
from handfast.protocols.http1.head import ResponseHead
from handfast.rewriting.answers import AnswerRewriter, InspectedRequest, WholeAnswer, Withheld

KEPT_FIELDS = frozenset({b"date", b"retry-after", b"set-cookie", b"request-id", b"client-request-id"})
"""What else of a rewritten answer's head may leave. The rest describes the body that was, or could name the inside."""

MAX_AT_ONCE_BYTES = 32 * 1024
"""Up to here rewriting takes some milliseconds; Exchange's answers are a few KiB long."""

_log = logging.getLogger(__name__)
_PLAIN_RE = re.compile(rb"[\x20-\x7e]*")
_WITHOUT_BODY = frozenset({204, 304})


class AnswerCollector:
    """Takes one answer, piece by piece, for its rewriter. Holds at most `max_bytes` of it, as sent and as decoded.

    `rewrite` touches nothing but the answer, so that it can run in a thread.
    """

    __slots__ = ("_head", "_pieces", "_request", "_rewriter", "_size")

    def __init__(self, rewriter: AnswerRewriter, request: InspectedRequest) -> None:
        self._rewriter = rewriter
        self._request = request
        self._head: ResponseHead | None = None
        self._pieces: list[bytes] = []
        self._size = 0

    def begin(self, head: ResponseHead) -> None:
        """The answer's head."""
        self._head = head

    def take(self, pieces: Sequence[bytes]) -> Withheld | None:
        """More of the body, without its transfer coding; Withheld where it is more than may be held."""
        self._size += sum(map(len, pieces))
        if self._size > self._rewriter.max_bytes:
            return Withheld(f"the answer is longer than {self._rewriter.max_bytes} bytes")
        self._pieces += pieces
        return None

    @property
    def may_take_long(self) -> bool:
        """True where rewriting could keep an event loop waiting: a long answer, or a coded one, which may be long."""
        return self._size > MAX_AT_ONCE_BYTES or (
            self._head is not None and b"content-encoding" in self._head.fields
        )

    def rewrite(self) -> WholeAnswer | Withheld:
        """The whole answer as it may leave."""
        head = self._head
        assert head is not None
        try:
            answer = WholeAnswer(
                status=head.status,
                content_type=_single(head, b"content-type") or b"",
                body=self._decoded(head),
                location=_single(head, b"location"),
            )
            return self._rewriter.rewrite(self._request, answer)
        except MalformedMessage as fault:
            return Withheld(str(fault))
        except Exception:  # noqa: BLE001 - whatever it was, the answer stays here and the client is not left waiting
            _log.exception("an answer could not be rewritten")
            return Withheld("the rewriter failed; the gateway's log has the details")

    def kept_fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """Further fields of the server's head that may leave."""
        assert self._head is not None
        return tuple(
            spelled
            for (name, _), spelled in zip(self._head.headers, self._head.spelled, strict=True)
            if name in KEPT_FIELDS
        )

    def _decoded(self, head: ResponseHead) -> bytes:
        if head.status == 206 or head.all(b"content-range"):
            raise MalformedMessage("http", "Content-Range", "a part of an answer can't be rewritten")
        body = b"".join(self._pieces)
        self._pieces = []
        return decode_content(body, head.all(b"content-encoding"), self._rewriter.max_bytes)


def build_whole_head(answer: WholeAnswer, kept: Sequence[tuple[bytes, bytes]] = ()) -> ResponseHead:
    """The head of an answer that is whole: nobody may keep it, and nothing in it is of another body.

    Raises: MalformedMessage for a status or a value that no head can hold.
    """
    if not 200 <= answer.status <= 599:
        raise MalformedMessage("http", "status", f"{answer.status} is none of an answer")
    fields = [*kept]
    if answer.content_type:
        fields.append((b"Content-Type", answer.content_type))
    if answer.location is not None:
        fields.append((b"Location", answer.location))
    fields.append((b"Cache-Control", b"no-store"))
    for name, value in fields:
        if not _PLAIN_RE.fullmatch(value):
            raise MalformedMessage("http", name.decode("ascii"), "holds a character no value has")
    headers = tuple((name.lower(), value) for name, value in fields)
    return ResponseHead(answer.status, _phrase(answer.status), 1, headers, fields, dict(headers))


def framing_of(answer: WholeAnswer) -> NoBody | ContentLength:
    """How its body is framed; a status that has none sends none."""
    if answer.status in _WITHOUT_BODY:
        return NO_BODY
    return ContentLength(len(answer.body)) if answer.body else NO_BODY


def _single(head: ResponseHead, name: bytes) -> bytes | None:
    """A field that may come once. Raises: MalformedMessage where it came more often."""
    values = head.all(name)
    if len(values) > 1:
        raise MalformedMessage("http", name.decode("ascii"), "given more than once", "RFC 9110 5.3")
    return values[0] if values else None


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode("ascii")
    except ValueError:
        return b"Answer"
