"""The bytes of a refusal, and when they may leave."""

from __future__ import annotations

import math
import time
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason

if TYPE_CHECKING:
    from handfast.gateway.state import RenderedReply

UNHURRIED = frozenset(
    {Reason.CREDENTIAL_MISSING, Reason.NTLM_CONTINUE, Reason.MALFORMED_REQUEST, Reason.HEAD_TOO_LARGE}
)
"""Refusals that tell nothing by their time, and so need not wait for the quantum."""

_CHALLENGES = frozenset({Reason.CREDENTIAL_MISSING, Reason.NTLM_CONTINUE})
_FRAMED_HERE = frozenset({b"content-length", b"connection", b"transfer-encoding", b"date"})


def outcome_of(reason: Reason) -> Outcome:
    """What a request that was not served counts as."""
    return Outcome.CHALLENGE if reason in _CHALLENGES else Outcome.DENY


def seconds_to_wait(elapsed: float, delay: float, quantum: float) -> float:
    """Seconds until the next multiple of `quantum` after the request began, beyond `delay`.

    A refusal that leaves on the quantum tells nobody how long it took to find its reason.
    """
    if quantum <= 0:
        return delay
    return max(1, math.ceil((elapsed + delay) / quantum)) * quantum - elapsed


def encode_reply(reply: RenderedReply, *, keep: bool, version: int, seconds: float | None = None) -> bytes:
    """The head of a reply; `version` is the client's minor version, `seconds` its date since 1970 (None: now).

    Source: RFC 9110 6.6.1 (Date), RFC 9112 9.3 (Connection).
    """
    date = _date(int(time.time() if seconds is None else seconds))
    parts = [b"HTTP/1.1 %d %b\r\nDate: %b\r\n" % (reply.status, _PHRASES.get(reply.status, b"Refused"), date)]
    parts += [b"%b: %b\r\n" % item for item in reply.headers if item[0].lower() not in _FRAMED_HERE]
    parts.append(b"Content-Length: %d\r\n" % len(reply.body))
    if not keep:
        parts.append(b"Connection: close\r\n")
    elif version == 0:
        parts.append(b"Connection: keep-alive\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)


@lru_cache(maxsize=1)
def _date(whole_seconds: int) -> bytes:
    return formatdate(whole_seconds, usegmt=True).encode("ascii")


_PHRASES = {
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    415: b"Unsupported Media Type",
    417: b"Expectation Failed",
    421: b"Misdirected Request",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    449: b"Retry With",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}
