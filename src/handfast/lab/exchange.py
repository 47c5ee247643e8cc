"""A simulated Exchange front end: HTTP/1.1, sign-in, a whole site's applications, and the headers it gives itself away by.

It is a server to be protected, not one to be imitated: its answers carry inside names on purpose, so that a gateway that
lets one through is caught.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Literal

from handfast.lab.activesync_requests import ActiveSync
from handfast.lab.applications import ANONYMOUS, Applications, Handled, application_of
from handfast.lab.ews.service import ExchangeWebServices
from handfast.lab.exchange_commands import ExchangeCommands
from handfast.lab.front_end import Scheme, betrayals, challenges, compressed
from handfast.lab.http_message import Headers, Request
from handfast.lab.http_server import HttpServer, Response
from handfast.lab.mailbox import Attachment, Message, mailbox_name
from handfast.lab.mapi import MapiHttp
from handfast.lab.reply import FinishedReply, Reply
from handfast.lab.request_log import RequestLog
from handfast.lab.sign_in import Accept, SignIn
from handfast.lab.site_names import SiteNames

HEALTH_PATHS = frozenset({"/owa/healthcheck.htm", "/microsoft-server-activesync/healthcheck.htm"})
Redirection = Literal["redirectAddr", "redirectUrl"]


class SimulatedExchange:
    """One server, its mailboxes in memory. Lives in the event loop that started it.

    `accept` says whom it believes: "header" the login in `header_name`, "basic" a password of `passwords` (by user name),
    "none" anybody. With "basic" its challenges name what it `offers`, though it can do no more than Basic. `log_path` gets one line a request; health checks are answered but not written down. Ping takes
    intervals from `min_heartbeat` to `max_heartbeat` seconds, Exchange's own limits unless a test shortens them; a quiet
    stream of notifications, of Exchange Web Services or MAPI, says that it lives every `streaming_heartbeat` seconds.
    With `compresses` text goes out in gzip to clients that take it. Its external URLs name `published_name`, and none of them is set where that is "".
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        log_path: Path | None = None,
        accept: Accept = "header",
        header_name: str = "X-Remote-User",
        passwords: dict[str, str] | None = None,
        offers: tuple[Scheme, ...] = ("Negotiate", "NTLM", "Basic"),
        min_heartbeat: int = 60,
        max_heartbeat: int = 3540,
        streaming_heartbeat: float = 15,
        require_policy: bool = False,
        compresses: bool = False,
        inside_name: str = "ex01.corp.internal",
        published_name: str = "mail.contoso.lab",
        mail_domain: str = "contoso.lab",
    ) -> None:
        self._log_path = log_path
        self._offers = offers
        self._compresses = compresses
        self._names = SiteNames(inside_name, published_name, mail_domain)
        named = {mailbox_name(user): secret for user, secret in (passwords or {}).items()}
        self._sign_in = SignIn(accept, header_name, named)
        self._commands = ExchangeCommands(
            min_heartbeat=min_heartbeat,
            max_heartbeat=max_heartbeat,
            require_policy=require_policy,
            domain=mail_domain,
        )
        mailboxes = self._commands.mailbox
        self._active_sync = ActiveSync(self._commands)
        self._applications = Applications(
            self._names,
            self._active_sync,
            ExchangeWebServices(self._names, mailboxes, streaming_heartbeat=streaming_heartbeat),
            MapiHttp(self._names, mailboxes, pending_period=streaming_heartbeat),
        )
        self._redirects: dict[str, Reply] = {}
        self._log = RequestLog(None)
        self._server = HttpServer(self, host, port, tls)

    async def start(self) -> None:
        """Listens. Raises: OSError where the address is taken or the log cannot be written."""
        self._log = RequestLog(self._log_path)
        await self._server.start()

    async def stop(self) -> None:
        """Ends every connection at once and stops listening."""
        await self._server.stop()
        self._log.close()

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._server.port

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        return self._server.url

    @property
    def names(self) -> SiteNames:
        """The names of this site, inside and published."""
        return self._names

    @property
    def failed_sign_ins(self) -> Counter[str]:
        """Wrong passwords so far, by user name in lower case without domain."""
        return self._sign_in.failures

    @property
    def hanging(self) -> int:
        """How many requests (Ping, hanging Sync, notifications) wait for their answer or its end now."""
        return self._server.hanging

    def set_password(self, user: str, password: str) -> None:
        """Changes a password, as an administrator of the server would behind the gateway's back."""
        self._sign_in.passwords[mailbox_name(user)] = password

    def deliver_mail(
        self,
        user: str,
        subject: str,
        body: str,
        *,
        sender: str = "colleague@contoso.lab",
        attachments: tuple[Attachment, ...] = (),
    ) -> Message:
        """Puts a mail into a user's inbox; hanging requests of that user answer."""
        mailbox = self._commands.mailbox(user)
        return mailbox.deliver(subject, body, sender=sender, attachments=attachments)

    def make_delegate(self, owner: str, delegate: str) -> None:
        """Lets one user open another's mailbox through Exchange Web Services."""
        self._applications.ews.delegates.add((mailbox_name(owner), mailbox_name(delegate)))

    def redirect(self, application: str, status: int, location: str) -> None:
        """From now on an application (its name in the log) answers with that status: 302, or 451 as ActiveSync does."""
        field = "X-MS-Location" if status == 451 else "Location"
        self._redirects[application] = Reply(status, headers=((field, location),))

    def redirect_autodiscover(self, kind: Redirection, target: str) -> None:
        """From now on Autodiscover (POX and SOAP) sends everybody on, to another address or URL."""
        self._applications.pox.redirect = self._applications.soap.redirect = (kind, target)

    def stop_redirecting(self) -> None:
        """Everything is answered again where it is asked."""
        self._redirects.clear()
        self._applications.pox.redirect = self._applications.soap.redirect = None

    def respond(self, request: Request) -> Response:
        """One request: who sent it, which application it is for, and that application's answer. It is written down."""
        application, root = application_of(request.path)
        user = self._user(application, request)
        if request.path.lower() in HEALTH_PATHS and request.method in ("GET", "HEAD"):
            handled = Handled(Reply(200, f"200 OK<br/>{self._names.server}".encode(), "text/html"))
        else:
            handled = self._handled(application, replace(request, user=user))
            self._write_down(request, user, application, handled)

        def finish(reply: FinishedReply) -> FinishedReply:
            added = (*betrayals(self._names, root, user), ("Cache-Control", "private"))
            if self._compresses and isinstance(reply, Reply):
                reply = compressed(reply, request.headers.get("Accept-Encoding"))
            return replace(reply, headers=(*added, *reply.headers))

        return Response(handled.answer, finish)

    def respond_to_nonsense(self, peer: str, problem: str) -> Reply:
        """What no HTTP server understands is written down as well."""
        request = Request("", "", Headers(), b"", peer)
        self._write_down(request, "", "", Handled(Reply(400), problem=problem))
        return Reply(400, headers=tuple(betrayals(self._names, "/", "")))

    def _user(self, application: str, request: Request) -> str:
        claimed = ""
        if application == "activesync":
            query, _ = self._active_sync.read(request.method, request.raw_query)
            claimed = query.user if query else ""
        return self._sign_in.user(request.headers, claimed)

    def _handled(self, application: str, request: Request) -> Handled:
        if application in self._redirects:
            return Handled(self._redirects[application])
        if not request.user and application not in ANONYMOUS:
            told = challenges(self._names, self._offers) if self._sign_in.accept == "basic" else ()
            return Handled(Reply(401, headers=told))
        return self._applications.handle(application, request)

    def _write_down(self, request: Request, user: str, application: str, handled: Handled) -> None:
        answer = handled.answer
        self._log.request(
            method=request.method,
            target=request.target,
            headers=request.headers,
            peer=request.peer,
            body_bytes=len(request.body),
            status=None if isinstance(answer, Coroutine) else answer.status,
            user=user,
            application=application,
            device_id=handled.device_id,
            command=handled.operation,
            acting_as=handled.acting_as,
            problem=handled.problem,
        )
