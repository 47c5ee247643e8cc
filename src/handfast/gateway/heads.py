"""The heads the gateway writes: requests to back ends, answers to clients. Built anew, never copied."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from handfast.decision.ports import BackendAuthorization
from handfast.gateway.routing import Route
from handfast.identity.channels import Channel
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.cookies import cookie_for_client, without_routing_cookies
from handfast.protocols.http1.fields import ANCHORS, connection_options, is_anchor, passes_to_client
from handfast.protocols.http1.framing import (
    Chunked,
    ContentLength,
    RequestFraming,
    ResponseFraming,
    UntilClose,
)
from handfast.protocols.http1.head import RequestHead, ResponseHead

_NO_OPTIONS: frozenset[bytes] = frozenset()
_BODY_METHODS = frozenset({b"POST", b"PUT", b"PATCH"})
_ANCHORED = frozenset({Channel.EWS, Channel.MAPI, Channel.OAB, Channel.AUTODISCOVER})
_REWRITTEN = frozenset({b"location", b"x-ms-location", b"content-location", b"set-cookie"})

_prefixes: dict[bytes, bytes] = {}
"""Answers of `_client_prefix` by the name as spelled."""
_MAX_REMEMBERED_NAMES = 2048


def request_head(
    head: RequestHead,
    route: Route,
    authorization: BackendAuthorization,
    framing: RequestFraming,
    *,
    target: bytes,
    options: frozenset[bytes],
    authority: bytes,
    source: str,
    is_tls: bool,
    request_id: str,
) -> bytes:
    """The request as a server behind us sees it. `options` are the client's Connection options: those fields stay here.

    `target` is the request target and `authority` the Host field to send.
    """
    app = route.app
    lines = [b"%b %b HTTP/1.1\r\nHost: %b" % (head.method, target, authority)]
    known = app.prefixes
    fields = head.fields
    is_odd = b"cookie" in fields or b"x-anchormailbox" in fields or b"x-publicfoldermailbox" in fields
    for name, value in _checked(head, route, options, lines) if is_odd else head.headers:
        prefix = known.get(name)
        if prefix is None:
            prefix = app.prefix(name)
        if prefix and name not in options:
            lines.append(prefix + value)
    lines.append(
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\nX-Request-Id: %b"
        % (source.encode("ascii"), b"https" if is_tls else b"http", route.host, request_id.encode("ascii"))
    )
    for item in authorization.headers:
        lines.append(b"%b: %b" % item)  # noqa: PERF401 - most have none, and an empty comprehension costs a call
    if isinstance(framing, ContentLength):
        lines.append(b"Content-Length: %d\r\n\r\n" % framing.length)
    elif isinstance(framing, Chunked):
        lines.append(b"Transfer-Encoding: chunked\r\n\r\n")
    else:
        lines.append(b"Content-Length: 0\r\n\r\n" if head.method in _BODY_METHODS else b"\r\n")
    return b"\r\n".join(lines)


def answer_head(
    head: ResponseHead,
    framing: ResponseFraming,
    *,
    method: bytes,
    client_version: int,
    keep_alive: bool,
    hosts: Collection[str],
    request_id: str,
    route: Route | None = None,
) -> bytes:
    """The head of an answer as the client sees it: nothing that names the inside, framed by us.

    `request_id` is what an administrator asks `explain` about; `route` knows how places of the inside are called outside.

    Raises: MalformedMessage where a redirect leads anywhere but to a published host, or tells a name of the inside.
    """
    options = connection_options(head.all(b"connection")) if b"connection" in head.fields else _NO_OPTIONS
    lines = [b"HTTP/1.1 %d %b" % (head.status, head.phrase)]
    for (name, value), (spelled, _) in zip(head.headers, head.spelled, strict=True):
        prefix = _prefixes.get(spelled)
        if prefix is None:
            prefix = _client_prefix(name, spelled)
        if not prefix or name in options:
            continue
        if name in _REWRITTEN:
            left = _rewritten(name, value, hosts, route)
            if left is not None:
                lines.append(prefix + left)
            continue
        lines.append(prefix + value)
    framing_field = _framing_field(head, framing, method, client_version)
    head_bytes = b"\r\n".join(lines)
    if route is not None and route.app.inside.may_be_in(head_bytes):
        head_bytes = b"\r\n".join(route.app.inside.without(lines))
    head_bytes += b"\r\nX-Request-Id: %b\r\n%b" % (request_id.encode("ascii"), framing_field)
    if not keep_alive:
        return head_bytes + b"Connection: close\r\n\r\n"
    return head_bytes + (b"Connection: keep-alive\r\n\r\n" if client_version == 0 else b"\r\n")


def with_answer_token(head: bytes, token: bytes) -> bytes:
    """The head of an answer with our own proof for a client that came with a ticket. Source: RFC 4559 5."""
    status_line, rest = head.split(b"\r\n", 1)
    return b"%b\r\nWWW-Authenticate: Negotiate %b\r\n%b" % (status_line, base64.b64encode(token), rest)


def _rewritten(name: bytes, value: bytes, hosts: Collection[str], route: Route | None) -> bytes | None:
    """A field that may name the inside, as it may leave; None where it may not. Raises: MalformedMessage."""
    paths = route.app.paths if route is not None else None
    if name == b"set-cookie":
        left = cookie_for_client(value)
        return paths.cookie_outside(left) if paths is not None and left is not None else left
    if route is not None and paths is not None:
        value = paths.place_outside(value, route.host)
    if _leads_to_published(value, hosts) and not (paths is not None and paths.names_inside(value)):
        return value
    if name == b"content-location":
        return None
    raise MalformedMessage("http", name.decode("ascii"), "leads to a host that is not published")


def _checked(
    head: RequestHead, route: Route, options: frozenset[bytes], lines: list[bytes]
) -> Sequence[tuple[bytes, bytes]]:
    """The fields of a head that has some which pass by their value. Anchors that do are put into `lines` at once."""
    kept: list[tuple[bytes, bytes]] = []
    for name, value in head.headers:
        left = without_routing_cookies(value) if name == b"cookie" else value
        if name in ANCHORS and _may_anchor(head, route, name, value) and name not in options:
            lines.append(b"%b: %b" % (name, value))
        elif left or name != b"cookie":
            kept.append((name, left))
    return kept


def _may_anchor(head: RequestHead, route: Route, name: bytes, value: bytes) -> bool:
    return route.rule.channel in _ANCHORED and name not in head.repeated and is_anchor(value)


def _framing_field(head: ResponseHead, framing: ResponseFraming, method: bytes, client_version: int) -> bytes:
    if isinstance(framing, ContentLength):
        return b"Content-Length: %d\r\n" % framing.length
    if isinstance(framing, Chunked):
        return b"Transfer-Encoding: chunked\r\n" if client_version else b""
    if isinstance(framing, UntilClose) or head.status == 204:
        return b""
    announced = head.all(b"content-length")
    if announced:
        return b"Content-Length: %b\r\n" % announced[0]
    return b"" if method == b"HEAD" or head.status == 304 else b"Content-Length: 0\r\n"


def _client_prefix(name: bytes, spelled: bytes) -> bytes:
    """`Name: ` for a field that may leave, b"" for any other."""
    found = spelled + b": " if passes_to_client(name) else b""
    if len(_prefixes) < _MAX_REMEMBERED_NAMES:
        _prefixes[spelled] = found
    return found


def _leads_to_published(value: bytes, hosts: Collection[str]) -> bool:
    """True for a path on the same host, or an http(s) URL of a published one."""
    try:
        parts = urlsplit(value.decode("ascii"))
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if b"\\" in value or any(byte <= 0x20 for byte in value):
        return False
    if not parts.scheme and not parts.netloc:
        return not value.startswith(b"//")
    return parts.scheme == "https" and parts.username is None and (host or "") in hosts
