"""What a real front end adds to every answer: who answered, who should answer next time, and how to sign in.

All of it names the inside; none of it may leave through a gateway, but for the cookies without which a client's next
request would find another server.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from email.utils import formatdate
from typing import Literal

from handfast.lab.reply import Reply
from handfast.lab.site_names import SiteNames

Scheme = Literal["Negotiate", "NTLM", "Basic"]
_EXPIRES = "expires=Sat, 19-Dec-2099 03:14:07 GMT"


def betrayals(names: SiteNames, path: str, user: str) -> list[tuple[str, str]]:
    """What a front end says about itself and the servers behind it; `path` is the application's."""
    return [
        ("Date", formatdate(usegmt=True)),
        ("Server", "Microsoft-IIS/10.0"),
        ("X-Powered-By", "ASP.NET"),
        ("X-AspNet-Version", "4.0.30319"),
        ("X-FEServer", names.machine),
        ("X-BEServer", names.machine),
        ("X-CalculatedBETarget", names.server),
        ("X-DiagInfo", names.machine),
        ("X-BackEndHttpStatus", "200"),
        ("Set-Cookie", f"X-BackEndCookie={_backend_cookie(names, user)}; {_EXPIRES}; path={path}; HttpOnly"),
    ]


def compressed(reply: Reply, accept_encoding: str) -> Reply:
    """The answer in gzip, where it is text and its client can read that. IIS compresses so, Exchange has it switched on."""
    is_text = reply.content_type.startswith(("text/", "application/json"))
    if not reply.body or not is_text or "gzip" not in accept_encoding.lower():
        return reply
    headers = (*reply.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return Reply(reply.status, gzip.compress(reply.body, mtime=0), reply.content_type, headers)


def exchange_cookie(user: str) -> tuple[str, str]:
    """The cookie of Exchange Web Services that keeps a client with its server."""
    return "Set-Cookie", f"exchangecookie={hashlib.md5(user.encode()).hexdigest()}; path=/; HttpOnly"  # noqa: S324 - no secret


def challenges(names: SiteNames, schemes: tuple[Scheme, ...]) -> tuple[tuple[str, str], ...]:
    """How to sign in. The realm of Basic is the server's own name, as IIS has it unless told otherwise."""
    values = {"Basic": f'Basic realm="{names.server}"'}
    return tuple(("WWW-Authenticate", values.get(scheme, scheme)) for scheme in schemes)


def _backend_cookie(names: SiteNames, user: str) -> str:
    """The user's SID, and the server's name with every byte inverted, in Base64: unreadable to the eye, secret to nobody.

    Seen of Exchange 2013 and later; Orange Tsai, "ProxyLogon", 2021, describes it.
    """
    route = f"{names.server}~1941962754~2099-12-19T03:14:07"
    inverted = bytes(255 - byte for byte in route.encode())
    relative_id = zlib.crc32(user.encode()) % 100_000
    return f"S-1-5-21-2127521184-1604012920-1887927527-{relative_id}={base64.b64encode(inverted).decode()}"
