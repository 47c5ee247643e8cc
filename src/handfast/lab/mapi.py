"""MAPI over HTTP: sessions held by cookies, and answers that begin before their result is known.

Every answer starts with PROCESSING and says PENDING while it waits, so that nothing between client and server gives up;
DONE, headers of its own and the binary result end it. Source: MS-OXCMAPIHTTP 2.2.2.2, 2.2.3, 3.2.5.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from handfast.lab.http_message import Headers
from handfast.lab.mailbox import Mailbox, mailbox_name
from handfast.lab.reply import Reply, StreamedReply
from handfast.lab.site_names import SiteNames

MAPI_TYPE = "application/mapi-http"
CONTEXT_COOKIE = "MapiContext"
SEQUENCE_COOKIE = "MapiSequence"

_SUCCESS = 0
_INVALID_REQUEST_TYPE = 5
_MISSING_HEADER = 7
_CONTEXT_NOT_FOUND = 10


@dataclass(slots=True)
class _Session:
    user: str
    seen: int


class MapiHttp:
    """The endpoint `/mapi/emsmdb` of one site.

    NotificationWait says PENDING every `pending_period` seconds and ends after `wait_limit` without news.
    """

    def __init__(
        self,
        names: SiteNames,
        mailboxes: Callable[[str], Mailbox],
        *,
        pending_period: float = 15,
        wait_limit: float = 300,
    ) -> None:
        self._names = names
        self._mailboxes = mailboxes
        self._pending_period = pending_period
        self._wait_limit = wait_limit
        self._sessions: dict[str, _Session] = {}

    def answer(self, user: str, headers: Headers) -> Reply | StreamedReply:
        """`user` is a login. A request's body means nothing here; its type stands in a header."""
        kind = headers.get("X-RequestType")
        if not kind or not headers.get("X-RequestId"):
            return self._refused(headers, _MISSING_HEADER)
        if kind == "Connect":
            return self._connected(mailbox_name(user), headers)
        if kind == "PING":
            return self._reply(headers, _now(b""))
        context = _cookie(headers, CONTEXT_COOKIE)
        session = self._sessions.get(context)
        if session is None or session.user != mailbox_name(user):
            return self._refused(headers, _CONTEXT_NOT_FOUND)
        if kind == "Disconnect":
            del self._sessions[context]
            return self._reply(headers, _now(struct.pack("<III", 0, 0, 0)))
        if kind == "NotificationWait":
            return self._reply(headers, self._news(session))
        return self._refused(headers, _INVALID_REQUEST_TYPE)

    def _connected(self, user: str, headers: Headers) -> StreamedReply:
        person, context = self._names.person(user), secrets.token_urlsafe(24)
        self._sessions[context] = _Session(user, self._mailboxes(user).newest())
        polling = struct.pack("<IIIII", 0, 0, 60_000, 6, 10_000)
        prefix = person.legacy_dn.rpartition("/")[0].encode() + b"\0"
        name = person.display_name.encode("utf-16-le") + b"\0\0"
        body = polling + prefix + name + struct.pack("<I", 0)
        path = "path=/mapi/; secure; HttpOnly"
        cookies = (
            ("Set-Cookie", f"{CONTEXT_COOKIE}={context}; {path}"),
            ("Set-Cookie", f"{SEQUENCE_COOKIE}={secrets.token_urlsafe(8)}; {path}"),
        )
        return self._reply(headers, _now(body), cookies)

    async def _news(self, session: _Session) -> AsyncIterator[bytes]:
        """EventPending is 1 as soon as mail arrives. Source: MS-OXCMAPIHTTP 2.2.4.4.2."""
        mailbox, waited = self._mailboxes(session.user), 0.0
        yield b"PROCESSING\r\n"
        while waited < self._wait_limit:
            period = min(self._pending_period, self._wait_limit - waited)
            if await mailbox.wait_until(lambda: mailbox.newest() > session.seen, period):
                break
            waited += period
            yield b"PENDING\r\n"
        pending, session.seen = mailbox.newest() > session.seen, mailbox.newest()
        yield _done(struct.pack("<IIII", 0, 0, int(pending), 0))

    def _reply(
        self,
        headers: Headers,
        chunks: AsyncIterator[bytes],
        more: tuple[tuple[str, str], ...] = (),
        code: int = _SUCCESS,
    ) -> StreamedReply:
        fields = [
            ("X-RequestType", headers.get("X-RequestType")),
            ("X-RequestId", headers.get("X-RequestId")),
            ("X-ClientInfo", headers.get("X-ClientInfo")),
            ("X-ResponseCode", str(code)),
            ("X-ServerApplication", "Exchange/15.02.1544.0004"),
            ("X-ExpirationInfo", "900000"),
            ("X-PendingPeriod", str(int(1000 * self._pending_period))),
        ]
        told = tuple((name, value) for name, value in fields if value)
        return StreamedReply(chunks, MAPI_TYPE, headers=told + more)

    def _refused(self, headers: Headers, code: int) -> Reply:
        """Still 200: what was wrong stands in X-ResponseCode. Source: MS-OXCMAPIHTTP 2.2.3.3.3."""
        told = self._reply(headers, _now(b""), code=code).headers
        return Reply(200, b"", "text/html", told)


async def _now(body: bytes) -> AsyncIterator[bytes]:
    yield b"PROCESSING\r\n"
    yield _done(body)


def _done(body: bytes) -> bytes:
    started = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
    return f"DONE\r\nX-ElapsedTime: 1\r\nX-StartTime: {started}\r\n\r\n".encode() + body


def _cookie(headers: Headers, name: str) -> str:
    for line in headers.all("Cookie"):
        for pair in line.split(";"):
            known, _, value = pair.strip().partition("=")
            if known == name:
                return value
    return ""
