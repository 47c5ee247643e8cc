"""A reader of HTTP as forgiving as the worst in the field: what the gateway would be without its strictness.

Bare LF ends a line, odd names pass, the last of repeated fields counts, targets and queries are taken as they come.
"""

from __future__ import annotations

import re

from handfast.protocols.activesync.query import ActiveSyncQuery
from handfast.protocols.activesync.query import parse_query as strict_query
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.fields import connection_options
from handfast.protocols.http1.framing import CHUNKED, NO_BODY, ContentLength, request_body_framing
from handfast.protocols.http1.head import RequestHead, check_partial_head, parse_request_head
from handfast.protocols.http1.target import RequestTarget, parse_target
from tests.fakes.gateway_peers import HOST, TARGET
from tests.invariants.taking_out import take_out

STRICT_QUERY = strict_query
PATH, _, QUERY = TARGET.partition("?")


def lax_head(data: bytes) -> RequestHead:
    lines = [line.strip(b"\r") for line in data.lstrip(b"\r\n ").split(b"\n")]
    words = lines[0].split() or [b""]
    target = words[1] if len(words) > 1 else TARGET.encode()
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((name.strip().lower().replace(b"\x00", b""), value.strip()))
    fields = dict(headers)
    return RequestHead(b"POST", target, 1, tuple(headers), HOST.encode(), fields)


def lax_framing(head: RequestHead):
    if b"chunked" in head.fields.get(b"transfer-encoding", b""):
        return CHUNKED
    digits = re.match(rb"[0-9]+", head.fields.get(b"content-length", b""))
    return ContentLength(int(digits[0][:6])) if digits and int(digits[0]) else NO_BODY


def lax_target(target: bytes, host: bytes) -> RequestTarget:
    return RequestTarget(PATH.lower(), target.partition(b"?")[2])


def lax_query(raw: bytes, *, method: str) -> ActiveSyncQuery:
    try:
        return STRICT_QUERY(raw, method=method)
    except MalformedMessage:
        return STRICT_QUERY(QUERY.encode(), method="POST")


def forgive(monkeypatch) -> None:
    """Takes every check of framing, fields and targets out of the data plane."""
    take_out(monkeypatch, parse_request_head, lax_head)
    take_out(monkeypatch, check_partial_head, lambda *_: None)
    take_out(monkeypatch, request_body_framing, lax_framing)
    take_out(monkeypatch, connection_options, lambda _: frozenset())
    forgive_targets(monkeypatch)


def forgive_targets(monkeypatch) -> None:
    """Takes the checks of path and query out."""
    take_out(monkeypatch, parse_target, lax_target)
    take_out(monkeypatch, strict_query, lax_query)
