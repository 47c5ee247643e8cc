"""What rewriters are given and what they give back: whole messages in, one of a closed set of outcomes out.

The gateway's host collects a body up to the rewriter's limit, undoes transfer and content coding, asks, and sends on
what it gets with a fresh Content-Length. Nothing here does I/O, so that every rule can be read and tested by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from handfast.decision.reasons import Reason


@dataclass(frozen=True, slots=True)
class InspectedRequest:
    """A client's request with its whole body, without transfer and content coding.

    Attributes:
        method: as on the wire, e.g. b"POST".
        path: decoded and matched by the gateway, in the client's spelling.
        query: the raw query without its question mark, "" if there is none.
        content_type: the field's value, b"" if there is none.
        soap_action: the SOAPAction field's value as sent, quotes included, b"" if there is none.
        body: what the client sent, b"" for a request without one.
    """

    method: bytes
    path: str
    query: str
    content_type: bytes
    soap_action: bytes
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """A back end's answer with its whole body, without transfer and content coding.

    Attributes:
        status: 200..599.
        content_type: the field's value, b"" if there is none.
        body: decoded; the host computes Content-Length anew and sends no content coding.
        location: the Location field's value, None if there is none.
    """

    status: int
    content_type: bytes
    body: bytes = field(repr=False)
    location: bytes | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """The answer is never sent on: the client gets 502 and an audit event is written.

    Attributes:
        detail: one clause for administrators; may hold a short, escaped piece of the answer.
        host: the inside name that was found, "" if the answer could not be read at all.
    """

    detail: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """The request is not forwarded.

    Attributes:
        reason: for the record.
        detail: one clause for administrators.
        rule: the name of what refused it, "" for the rule of its path.
        status: of the answer, where a malformed request asks for one of its own.
        allow: the methods that could pass, where it was refused for its method (RFC 9110 15.5.6).
    """

    reason: Reason
    detail: str
    rule: str = ""
    status: int | None = None
    allow: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PrincipalNames:
    """The names by which the signed-in account may speak of itself.

    Attributes:
        logins: user name, DOMAIN\\user and UPN, in any case.
        addresses: mail addresses, aliases included, in any case.
    """

    logins: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()


class AnswerRewriter(Protocol):
    """Makes a back end's answer fit for outside. Never raises for what an answer holds.

    A body longer than `max_bytes` (decoded) is withheld by the host without being asked.
    """

    @property
    def max_bytes(self) -> int: ...

    def rewrite(self, request: InspectedRequest, answer: WholeAnswer) -> WholeAnswer | Withheld: ...


class RequestInspector(Protocol):
    """Says whether a signed-in account may send this request, and in which form. Never raises for what it holds.

    A body longer than `max_bytes` (decoded) is refused by the host without being asked.
    """

    @property
    def max_bytes(self) -> int: ...

    def inspect(
        self, request: InspectedRequest, principal: PrincipalNames
    ) -> InspectedRequest | RefusedRequest: ...
