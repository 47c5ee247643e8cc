"""The heads the gateway writes: requests to back ends, answers to clients. Built anew, never copied."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from handfast.decision.ports import BackendAuthorization
from handfast.gateway.routing import Route
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.cookies import cookie_for_client, without_routing_cookies
from handfast.protocols.http1.fields import connection_options, passes_to_client
from handfast.protocols.http1.framing import (
    Chunked,
    ContentLength,
    RequestFraming,
    ResponseFraming,
    UntilClose,
)
from handfast.protocols.http1.head import RequestHead, ResponseHead

_BODY_METHODS = frozenset({b"POST", b"PUT", b"PATCH"})
_LOCATIONS = frozenset({b"location", b"x-ms-location", b"content-location"})

_passes_to_client: dict[bytes, bool] = {}
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
    passes = route.app.passes
    parts = [b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (head.method, target, authority)]
    headers = _without_routing_cookies(head) if b"cookie" in head.fields else head.headers
    if options:
        parts += [b"%b: %b\r\n" % item for item in headers if passes(item[0]) and item[0] not in options]
    else:
        parts += [b"%b: %b\r\n" % item for item in headers if passes(item[0])]
    parts.append(
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\nX-Request-Id: %b\r\n"
        % (source.encode("ascii"), b"https" if is_tls else b"http", route.host, request_id.encode("ascii"))
    )
    parts += [b"%b: %b\r\n" % item for item in authorization.headers]
    if isinstance(framing, ContentLength):
        parts.append(b"Content-Length: %d\r\n\r\n" % framing.length)
    elif isinstance(framing, Chunked):
        parts.append(b"Transfer-Encoding: chunked\r\n\r\n")
    else:
        parts.append(b"Content-Length: 0\r\n\r\n" if head.method in _BODY_METHODS else b"\r\n")
    return b"".join(parts)


def answer_head(
    head: ResponseHead,
    framing: ResponseFraming,
    *,
    method: bytes,
    client_version: int,
    keep_alive: bool,
    hosts: Collection[str],
    request_id: str,
) -> bytes:
    """The head of an answer as the client sees it: nothing that names the inside, framed by us.

    `request_id` is what an administrator asks `explain` about.

    Raises: MalformedMessage where a redirect leads anywhere but to a published host.
    """
    options = connection_options(head.all(b"connection"))
    parts = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.phrase)]
    for (name, value), spelled in zip(head.headers, head.spelled, strict=True):
        if not _may_leave(name) or name in options:
            continue
        if name in _LOCATIONS and not _leads_to_published(value, hosts):
            if name == b"content-location":
                continue
            raise MalformedMessage("http", name.decode("ascii"), "leads to a host that is not published")
        if name == b"set-cookie":
            cookie = cookie_for_client(value)
            if cookie is None:
                continue
            value = cookie  # noqa: PLW2901 - the field as it may leave
        parts.append(b"%b: %b\r\n" % (spelled, value))
    parts.append(b"X-Request-Id: %b\r\n" % request_id.encode("ascii"))
    parts.append(_framing_field(head, framing, method, client_version))
    if not keep_alive:
        parts.append(b"Connection: close\r\n\r\n")
    else:
        parts.append(b"Connection: keep-alive\r\n\r\n" if client_version == 0 else b"\r\n")
    return b"".join(parts)


def _without_routing_cookies(head: RequestHead) -> list[tuple[bytes, bytes]]:
    kept = (
        (name, without_routing_cookies(value) if name == b"cookie" else value) for name, value in head.headers
    )
    return [item for item in kept if item[0] != b"cookie" or item[1]]


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


def _may_leave(name: bytes) -> bool:
    known = _passes_to_client.get(name)
    if known is None:
        known = passes_to_client(name)
        if len(_passes_to_client) < _MAX_REMEMBERED_NAMES:
            _passes_to_client[name] = known
    return known


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
