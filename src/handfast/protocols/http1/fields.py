"""Which header fields may cross the gateway, in each direction.

Stripping is by name here and by nomination (Connection lists further names) in `connection_options`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from handfast.protocols.errors import MalformedMessage

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-authentication-info",
        b"te",
        b"trailer",
        b"trailers",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""Source: RFC 9110 7.6.1, and what older documents and peers add."""

_REQUEST_STRIPPED = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"authorization",
    b"forwarded",
    b"via",
    b"x-real-ip",
    b"x-request-id",
    b"x-client-ip",
    b"x-client-cert",
    b"x-ssl-client-cert",
    b"x-cluster-client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"front-end-https",
    b"x-original-url",
    b"x-rewrite-url",
    b"x-original-host",
    b"x-host",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
    b"remote-user",
    b"x-remote-user",
    b"x-user",
    b"x-webobjects-remote-user",
    b"x-authenticated-user",
    b"x-commonaccesstoken",
    b"x-isfromcafe",
    b"x-sourcecafeserver",
    b"x-targetserver",
    b"x-wlid-memberinfo",
    b"x-anchormailbox",
    b"x-backendcookie",
    b"x-calculatedbetarget",
    b"msexchproxyuri",
    b"x-vdirobjectid",
    b"x-msproxy-unittesting",
    b"ms-asproxy",
}
_REQUEST_PREFIXES = (
    b"x-forwarded",
    b"x-be",
    b"x-fe",
    b"x-ms-client-principal",
    b"x-webobjects-",
    b"msexch",
    b"x-envoy-",
)

_RESPONSE_STRIPPED = HOP_BY_HOP | {
    b"content-length",
    b"server",
    b"x-powered-by",
    b"x-aspnet-version",
    b"x-aspnetmvc-version",
    b"x-owa-version",
    b"x-feserver",
    b"x-beserver",
    b"x-diaginfo",
    b"x-calculatedbetarget",
    b"x-calculatedfetarget",
    b"x-targetbeserver",
    b"x-backendhttpstatus",
    b"x-backend-begin",
    b"x-backend-end",
    b"x-besku",
    b"x-rum-validated",
    b"x-proxyerrorcode",
    b"x-proxyerrorhresult",
    b"x-proxyerrormessage",
    b"x-proxyerrorlabel",
    b"x-backendauthenticationinfo",
    b"x-request-id",
    b"via",
    b"www-authenticate",
    b"authentication-info",
    b"persistent-auth",
    b"alt-svc",
    b"refresh",
    b"link",
    b"strict-transport-security",
}
_RESPONSE_PREFIXES = (b"x-fe", b"x-be", b"x-backend", b"x-proxyerror", b"x-calculated")

# Possessive throughout: a long token before a fault must not be tried in every way it could be cut.
_TOKENS_RE = re.compile(rb"(?:[ \t,]*+[!#$%&'*+\-.^_`|~0-9A-Za-z]++(?=[ \t]*+(?:,|\Z)))*+[ \t,]*+")


def passes_to_backend(name: bytes) -> bool:
    """True for a request field (lower-case name) that may reach a back end; names with `_` never do.

    CGI-like servers read `_` as `-`: `Content_Length` or `X_Forwarded_For` would come to life behind us.
    """
    return name not in _REQUEST_STRIPPED and b"_" not in name and not name.startswith(_REQUEST_PREFIXES)


def passes_to_client(name: bytes) -> bool:
    """True for an answer's field (lower-case name) that may leave: nothing that names or describes the inside."""
    return name not in _RESPONSE_STRIPPED and not name.startswith(_RESPONSE_PREFIXES)


_NO_OPTIONS: frozenset[bytes] = frozenset()
_USUAL_OPTIONS = {
    b"keep-alive": frozenset({b"keep-alive"}),
    b"Keep-Alive": frozenset({b"keep-alive"}),
    b"close": frozenset({b"close"}),
}


def connection_options(values: Sequence[bytes]) -> frozenset[bytes]:
    """The options of all Connection fields, lower-case; each may nominate a field to strip. Raises: MalformedMessage."""
    if not values:
        return _NO_OPTIONS
    if len(values) == 1 and values[0] in _USUAL_OPTIONS:
        return _USUAL_OPTIONS[values[0]]
    options: set[bytes] = set()
    for value in values:
        if not _TOKENS_RE.fullmatch(value):
            raise MalformedMessage("http", "Connection", "is no list of tokens", "RFC 9110 7.6.1")
        options.update(item.strip().lower() for item in value.split(b",") if item.strip())
    return frozenset(options)
