"""Cookies that name or choose a server behind a published one: they pass in neither direction.

Exchange's front end picks the mailbox server by the cookies `X-BackEndCookie` and `X-BEResource`. Outside they would tell
the names of the inside, and from outside they would choose whom the front end talks to. Nothing is lost without them: the
front end then finds the server by the mailbox of who signed in, which for one account is always the same. Only programs that
hold subscriptions of many mailboxes need `X-BackEndOverrideCookie`, and they act for others, which from outside nobody may.

Cookies of a session on that server name none and pass: `exchangecookie`, `MapiContext`, `MapiSequence` (MS-OXCMAPIHTTP
2.2.3.2.3), `ClientId`, `UC`, `CsrfToken`.
"""

from __future__ import annotations

import re

_ROUTING_PREFIXES = (
    b"x-be",  # X-BEResource: the server and path of a static file (CVE-2021-26855)
    b"x-fe",
    b"x-backend",  # X-BackEndCookie, X-BackEndCookie2, X-BackEndOverrideCookie: the server of a mailbox
    b"x-anonresource",  # X-AnonResource-Backend: the same for who is not signed in (CVE-2021-26855)
    b"x-targetserver",
    b"x-proxytargetserver",
    b"targetserver",
)
_DOMAIN_RE = re.compile(rb";[ \t]*domain[ \t]*=[^;]*", re.IGNORECASE)


def is_routing_cookie(pair: bytes) -> bool:
    """True for the `name=value` of a cookie that names or chooses a server inside."""
    return pair.partition(b"=")[0].strip(b" \t").lower().startswith(_ROUTING_PREFIXES)


def without_routing_cookies(value: bytes) -> bytes:
    """A Cookie field without routing cookies; b"" where nothing is left.

    A pair that a reader who splits at commas would take for one goes as well. Source: RFC 6265 4.2.1, RFC 2109 4.3.4.
    """
    kept = (pair for pair in value.split(b";") if not any(map(is_routing_cookie, pair.split(b","))))
    return b";".join(pair for pair in kept if pair.strip(b" \t")).strip(b" \t")


def cookie_for_client(value: bytes) -> bytes | None:
    """A Set-Cookie field as it may leave, None where it may not: without a Domain, for that may be an inside one.

    A cookie without Domain goes back to the host that set it and to no other. Source: RFC 6265 4.1.2.3.
    """
    return None if is_routing_cookie(value) else _DOMAIN_RE.sub(b"", value)
