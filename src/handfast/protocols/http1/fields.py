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

_OURS = frozenset(
    {
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
    }
)
"""What a proxy says of the hop before it: ours to say. Source: RFC 9110 7.6.3, RFC 7239, and usage."""

_OTHER_REQUEST = frozenset(
    {
        b"x-original-url",
        b"x-rewrite-url",
        b"x-original-host",
        b"x-host",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-ms-wopi-override",
    }
)
"""Fields that make another request of it: IIS URL Rewrite, Symfony and Zend (CVE-2018-14773), OData, WOPI."""

_OTHER_ACCOUNT = frozenset(
    {
        b"remote-user",
        b"x-remote-user",
        b"x-user",
        b"x-webobjects-remote-user",
        b"x-authenticated-user",
        b"x-commonaccesstoken",
        b"x-wlid-memberinfo",
        b"rpspuid",
        b"rpsmembername",
        b"rpsorgidpuid",
        b"x-eas-proxy",
        b"x-eas-dc-proxy",
        b"x-eas-basicauth-proxy",
        b"x-ms-wl",
        b"x-primaryidentity",
        b"x-missingdirectoryuserobjecthint",
        b"x-externaldirectoryobjectid",
        b"x-organizationcontext",
        b"x-owa-explicitlogonuser",
        b"x-rpchttpproxylogonusername",
        b"x-authenticateonly",
    }
)
"""Fields by which servers behind a front end are told whom it signed in: CGI and SOGo, and Exchange's front end, which
adds them itself. Source: names in the HTTP proxy of Exchange 2013 to 2019, as published with CVE-2021-26855."""

_OTHER_SERVER = frozenset(
    {
        b"x-isfromcafe",
        b"x-isfrombackend",
        b"x-sourcecafeserver",
        b"x-targetserver",
        b"x-targetdatabase",
        b"x-databaseguid",
        b"x-dbmountedonserver",
        b"x-proxytargetserver",
        b"x-proxytargetserverversion",
        b"x-rpchttpproxyservertarget",
        b"x-associationguid",
        b"x-genericanchorhint",
        b"x-upnanchormailbox",
        b"x-anchormailbox",
        b"x-publicfoldermailbox",
        b"x-backendcookie",
        b"x-calculatedbetarget",
        b"x-ews-targetversion",
        b"x-vdirobjectid",
        b"x-msproxy-unittesting",
        b"ms-asproxy",
        b"testbackendurl",
        b"x-suiteserviceproxyorigin",
        b"x-probetype",
        b"x-ms-clientaccess-localprobe",
        b"x-realm",
    }
)
"""Fields that choose or name a server inside; `ANCHORS` may pass by their value. Source: as above; MS-ASHTTP 2.2.1.1.2.6."""

_REQUEST_STRIPPED = HOP_BY_HOP | _OURS | _OTHER_REQUEST | _OTHER_ACCOUNT | _OTHER_SERVER
_REQUEST_PREFIXES = (
    b"x-forwarded",
    b"x-be",
    b"x-fe",
    b"x-backend",
    b"x-frombackend",
    b"x-frontend",
    b"x-cafe",
    b"x-anonresource",
    b"x-wlid-",
    b"x-ext-",
    b"x-ms-client-principal",
    b"x-msexchange",
    b"x-webobjects-",
    b"msexch",
    b"x-envoy-",
)

ANCHORS = frozenset({b"x-anchormailbox", b"x-publicfoldermailbox"})
"""Fields by which EWS and MAPI clients say whose mailbox a request is about, so that Exchange's front end need not look
into it. An address can choose nothing but the server that has that mailbox. Source: "How to: Maintain affinity between a
group of subscriptions and the Mailbox server in Exchange", learn.microsoft.com; MS-OXCMAPIHTTP 2.2.3.2."""
_ANCHOR_RE = re.compile(
    rb"(?:SMTP:)?[A-Z0-9_'+~-][A-Z0-9._'+~-]{0,63}+@[A-Z0-9](?:[A-Z0-9.-]{0,251}[A-Z0-9])?", re.IGNORECASE
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
    b"x-dbmountedonserver",
    b"x-targetserver",
    b"x-targetdatabase",
    b"x-databaseguid",
    b"x-sourcecafeserver",
    b"x-autodiscovery-error",
    b"x-errortrace",
    b"x-failurecontext",
    b"x-serverapplication",
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
_RESPONSE_PREFIXES = (
    b"x-fe",
    b"x-be",
    b"x-backend",
    b"x-frombackend",
    b"x-frontend",
    b"x-cafe",
    b"x-diaginfo",
    b"x-proxyerror",
    b"x-proxytarget",
    b"x-calculated",
)

# Possessive throughout: a long token before a fault must not be tried in every way it could be cut.
_TOKENS_RE = re.compile(rb"(?:[ \t,]*+[!#$%&'*+\-.^_`|~0-9A-Za-z]++(?=[ \t]*+(?:,|\Z)))*+[ \t,]*+")


def passes_to_backend(name: bytes) -> bool:
    """True for a request field (lower-case name) that may reach a back end; names with `_` never do.

    CGI-like servers read `_` as `-`: `Content_Length` or `X_Forwarded_For` would come to life behind us.
    """
    return name not in _REQUEST_STRIPPED and b"_" not in name and not name.startswith(_REQUEST_PREFIXES)


def is_anchor(value: bytes) -> bool:
    """True for one mail address (or GUID@domain, as Autodiscover hands out), and nothing that could be more."""
    return _ANCHOR_RE.fullmatch(value) is not None


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
