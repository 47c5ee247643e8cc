"""Looking at a request's body after sign-in and before a byte of it goes behind.

The exchange hands every piece of the body to a waiter until that is content: it refuses the request, or lets it go on,
as it came or with another body.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from handfast.decision.access import BasicCredential
from handfast.decision.reasons import Reason
from handfast.gateway.handling import Handling, LocalAnswer, PrefixReader
from handfast.gateway.whole_answers import AnswerCollector
from handfast.protocols.http1.content_coding import is_coded
from handfast.rewriting.answers import (
    InspectedRequest,
    PrincipalNames,
    RefusedRequest,
    RequestInspector,
    WholeAnswer,
)

if TYPE_CHECKING:
    from handfast.gateway.exchange import Exchange
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.routing import Route
    from handfast.protocols.http1.head import RequestHead

_log = logging.getLogger(__name__)

FOR_ANOTHER_BODY = frozenset(
    {
        b"accept-encoding",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
    }
)
"""Request fields that stay here where the answer will be another one than the server's: codings, parts, conditions."""


class BodyWaiter(Protocol):
    """Who needs a body, or its beginning, before anything else may happen. It holds no more than it has to."""

    def take(self, pieces: Sequence[bytes], *, is_done: bool) -> None:
        """Takes what came since the last time, perhaps nothing."""
        ...


def begin_inspection(
    exchange: Exchange, handling: Handling, head: RequestHead, route: Route, live: LiveGrant
) -> BodyWaiter | RefusedRequest | None:
    """What waits for the body of a signed-in request; None where there is nothing to look at. Raises: MalformedMessage."""
    if handling.reads_prefix is not None and exchange.body.is_done and not exchange.body.received:
        return None
    if is_coded(head.all(b"content-encoding")):
        # RFC 9110 15.5.16: the status for a content coding that is not taken.
        return RefusedRequest(Reason.MALFORMED_REQUEST, "the request's body is coded", status=415)
    if handling.reads_prefix is not None:
        reader = handling.reads_prefix(head)
        return reader if isinstance(reader, RefusedRequest) else PrefixWaiter(exchange, reader)
    return WholeWaiter(exchange, handling, describe(head, route), names_of(live))


def describe(head: RequestHead, route: Route) -> InspectedRequest:
    """A request as inspectors and rewriters see it, without its body. Raises: MalformedMessage."""
    return InspectedRequest(
        method=head.method,
        path=route.path,
        query=head.target.partition(b"?")[2].decode("ascii"),
        content_type=head.find(b"content-type") or b"",
        soap_action=head.find(b"soapaction") or b"",
        body=b"",
    )


def with_content_type(head: RequestHead, value: bytes) -> RequestHead:
    """The head of a request whose body has become another."""
    if value == head.fields.get(b"content-type", b""):
        return head
    others = tuple(item for item in head.headers if item[0] != b"content-type")
    headers = (*others, (b"content-type", value))
    return head._replace(headers=headers, fields=dict(headers))


def names_of(live: LiveGrant) -> PrincipalNames:
    """The names that a live grant proves to be the signed-in account's."""
    credential = live.request.credential
    login = (credential.login,) if isinstance(credential, BasicCredential) else ()
    return PrincipalNames(logins=frozenset({live.grant.principal, *login}))


class PrefixWaiter:
    """Holds a body until its beginning has been read."""

    __slots__ = ("_exchange", "_reader")

    def __init__(self, exchange: Exchange, reader: PrefixReader) -> None:
        self._exchange = exchange
        self._reader = reader

    def take(self, pieces: Sequence[bytes], *, is_done: bool) -> None:
        """Reads on."""
        said = self._reader.feed(pieces, is_done=is_done)
        if isinstance(said, RefusedRequest):
            self._exchange.refuse_request(said)
        elif said:
            self._exchange.go_on()
        elif is_done:
            self._exchange.refuse(Reason.MALFORMED_REQUEST, detail="the body ended too early")


class WholeWaiter:
    """Holds a body until it is whole, and asks the inspector."""

    __slots__ = ("_exchange", "_handling", "_max_bytes", "_pieces", "_principal", "_request")

    def __init__(
        self, exchange: Exchange, handling: Handling, request: InspectedRequest, principal: PrincipalNames
    ) -> None:
        self._exchange = exchange
        self._handling = handling
        self._request = request
        self._principal = principal
        self._pieces: list[bytes] = []
        inspector = handling.inspector
        self._max_bytes = handling.max_request_bytes if inspector is None else inspector.max_bytes

    def take(self, pieces: Sequence[bytes], *, is_done: bool) -> None:
        """Judges the body when it is whole."""
        body = self._exchange.body
        if body.received + (body.bytes_left or 0) > self._max_bytes:
            self._exchange.refuse(Reason.BODY_TOO_LARGE)
            return
        self._pieces += pieces
        if not is_done:
            return
        request = replace(self._request, body=b"".join(self._pieces))
        inspector, rewriter = self._handling.inspector, self._handling.rewriter
        if inspector is not None:
            said = _ask(inspector, request, self._principal)
            if isinstance(said, RefusedRequest):
                self._exchange.refuse_request(said)
                return
            request = said
        collector = AnswerCollector(rewriter, request) if rewriter is not None else None
        self._exchange.go_on_with(request, collector)


def answer_here(answers: LocalAnswer, request: InspectedRequest) -> WholeAnswer | RefusedRequest:
    """The gateway's own answer."""
    try:
        return answers(request)
    except Exception:  # noqa: BLE001 - whatever it was, the client is not left waiting
        _log.exception("a request could not be answered here")
        return RefusedRequest(Reason.INTERNAL_ERROR, "")


def _ask(
    inspector: RequestInspector, request: InspectedRequest, principal: PrincipalNames
) -> InspectedRequest | RefusedRequest:
    try:
        return inspector.inspect(request, principal)
    except Exception:  # noqa: BLE001 - whatever it was, nothing goes behind and the client is not left waiting
        _log.exception("a request could not be inspected")
        return RefusedRequest(Reason.INTERNAL_ERROR, "")
