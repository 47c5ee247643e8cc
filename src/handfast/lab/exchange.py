"""A simulated Exchange front end: HTTP/1.1, sign-in, ActiveSync, and the headers a real one gives itself away by.

It is a server to be protected, not one to be imitated: its answers carry inside names on purpose, so that a gateway that
lets one through is caught.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Coroutine
from email.utils import formatdate
from pathlib import Path
from typing import Any

from handfast.lab.exchange_commands import Call, ExchangeCommands, Reply
from handfast.lab.http_message import BadMessage, Headers, may_have_body, read_body, read_head, render_head
from handfast.lab.mailbox import Message, mailbox_name
from handfast.lab.request_log import RequestLog
from handfast.lab.sign_in import Accept, SignIn
from handfast.lab.wire import Wire
from handfast.protocols.activesync import ActiveSyncQuery, Command, parse_query
from handfast.protocols.errors import MalformedMessage

ACTIVESYNC_PATHS = frozenset({"/microsoft-server-activesync", "/microsoft-server-activesync/default.eas"})
HEALTH_PATHS = frozenset({"/owa/healthcheck.htm", "/microsoft-server-activesync/healthcheck.htm"})
VERSIONS = "2.5,12.0,12.1,14.0,14.1,16.0,16.1"
COMMANDS = (
    "Sync,SendMail,SmartForward,SmartReply,GetAttachment,GetHierarchy,CreateCollection,DeleteCollection,"
    "MoveCollection,FolderSync,FolderCreate,FolderDelete,FolderUpdate,MoveItems,GetItemEstimate,MeetingResponse,"
    "Search,Settings,Ping,ItemOperations,Provision,ResolveRecipients,ValidateCert,Find"
)
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    449: "Retry after sending a PROVISION command",
    501: "Not Implemented",
}
_DEFAULT_VERSION = 12.1


class SimulatedExchange:
    """One server, its mailboxes in memory. Lives in the event loop that started it.

    `accept` says whom it believes: "header" the login in `header_name`, "basic" a password of `passwords` (by user name),
    "none" anybody. `log_path` gets one line a request; health checks are answered but not written down. Ping takes
    intervals from `min_heartbeat` to `max_heartbeat` seconds, Exchange's own limits unless a test shortens them.
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
        min_heartbeat: int = 60,
        max_heartbeat: int = 3540,
        require_policy: bool = False,
        inside_name: str = "ex01.corp.internal",
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._log_path = log_path
        self._inside_name = inside_name
        named = {mailbox_name(user): secret for user, secret in (passwords or {}).items()}
        self._sign_in = SignIn(accept, header_name, named)
        self._commands = ExchangeCommands(
            min_heartbeat=min_heartbeat,
            max_heartbeat=max_heartbeat,
            require_policy=require_policy,
            domain=inside_name.partition(".")[2],
        )
        self._log = RequestLog(None)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._hanging = 0

    async def start(self) -> None:
        """Listens. Raises: OSError where the address is taken or the log cannot be written."""
        self._log = RequestLog(self._log_path)
        self._server = await asyncio.start_server(self._serve, self._host, self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends every connection at once and stops listening."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        self._log.close()

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._port

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    @property
    def failed_sign_ins(self) -> Counter[str]:
        """Wrong passwords so far, by user name in lower case without domain."""
        return self._sign_in.failures

    @property
    def hanging(self) -> int:
        """How many requests (Ping, hanging Sync) wait for their answer now."""
        return self._hanging

    def set_password(self, user: str, password: str) -> None:
        """Changes a password, as an administrator of the server would behind the gateway's back."""
        self._sign_in.passwords[mailbox_name(user)] = password

    def deliver_mail(
        self, user: str, subject: str, body: str, *, sender: str = "colleague@corp.internal"
    ) -> Message:
        """Puts a mail into a user's inbox; hanging requests of that user answer."""
        return self._commands.mailbox(user).deliver(subject, body, sender=sender)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        wire = Wire(reader, writer)
        peer = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        try:
            while await self._exchange(wire, peer):
                pass
        except (EOFError, OSError, asyncio.CancelledError):
            pass  # The peer left or the server stops: either way this connection is over.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, wire: Wire, peer: str) -> bool:
        """One request and its answer; whether another may follow."""
        try:
            start_line, headers = await read_head(wire)
            method, target, version = _request_line(start_line)
            if headers.get("Expect").lower() == "100-continue":
                await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await read_body(wire, headers)
        except BadMessage as error:
            self._log.request(
                method="",
                target="",
                headers=Headers(),
                peer=peer,
                body_bytes=0,
                status=400,
                problem=str(error),
            )
            await self._send(wire, "", Reply(400), keep=False)
            return False
        keep = version == "HTTP/1.1" and headers.get("Connection").lower() != "close"
        reply = await self._reply(wire, peer, method, target, headers, body)
        if reply is None:
            return False
        await self._send(wire, method, reply, keep=keep)
        return keep

    async def _reply(
        self, wire: Wire, peer: str, method: str, target: str, headers: Headers, body: bytes
    ) -> Reply | None:
        """The answer, None where the client left before it came."""
        path, _, raw_query = target.partition("?")
        if path.lower() in HEALTH_PATHS and method in ("GET", "HEAD"):
            return Reply(200, f"200 OK<br/>{self._inside_name}".encode(), "text/html")
        query, problem = None, ""
        if path.lower() in ACTIVESYNC_PATHS:
            try:
                query = parse_query(raw_query.encode("latin-1"), method=method)
            except MalformedMessage as error:
                problem = str(error)
        user = self._sign_in.user(headers, query.user if query else "")
        answer = self._answer(path, query, user, headers, body)
        self._log.request(
            method=method,
            target=target,
            headers=headers,
            peer=peer,
            body_bytes=len(body),
            status=answer.status if isinstance(answer, Reply) else None,
            user=user,
            device_id=query.device_id if query else "",
            command=query.command.value if query else "",
            problem=problem,
        )
        return answer if isinstance(answer, Reply) else await self._wait_for(answer, wire)

    def _answer(
        self, path: str, query: ActiveSyncQuery | None, user: str, headers: Headers, body: bytes
    ) -> Reply | Coroutine[Any, Any, Reply]:
        if not user:
            return Reply(401, headers=self._challenges())
        if path.lower() not in ACTIVESYNC_PATHS:
            return Reply(404)
        if query is None or (query.requires_device and not query.device_id):
            return Reply(400)
        if query.command is Command.OPTIONS:
            return Reply(
                200, headers=(("Allow", "OPTIONS,POST"), ("Public", "OPTIONS,POST"), *_capabilities())
            )
        return self._commands.answer(_call(query, user, headers, body))

    async def _wait_for(self, answer: Coroutine[Any, Any, Reply], wire: Wire) -> Reply | None:
        """Waits for a hanging answer, and stops when the client closes: nobody would read it."""
        loop = asyncio.get_running_loop()
        hanging, leaving = loop.create_task(answer), loop.create_task(wire.closed())
        self._hanging += 1
        try:
            await asyncio.wait((hanging, leaving), return_when=asyncio.FIRST_COMPLETED)
            return hanging.result() if hanging.done() else None
        finally:
            self._hanging -= 1
            hanging.cancel()
            leaving.cancel()
            await asyncio.gather(hanging, leaving, return_exceptions=True)

    async def _send(self, wire: Wire, method: str, reply: Reply, *, keep: bool) -> None:
        fields = [
            ("Date", formatdate(usegmt=True)),
            ("Cache-Control", "private"),
            *self._betrayals(),
            *reply.headers,
            ("Content-Length", str(len(reply.body))),
        ]
        if reply.content_type:
            fields.append(("Content-Type", reply.content_type))
        if not keep:
            fields.append(("Connection", "close"))
        head = render_head(f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Answer')}", fields)
        await wire.send(head + (reply.body if may_have_body(method, reply.status) else b""))

    def _betrayals(self) -> list[tuple[str, str]]:
        """What a real front end says about itself and the servers behind it."""
        machine = self._inside_name.partition(".")[0].upper()
        return [
            ("Server", "Microsoft-IIS/10.0"),
            ("X-Powered-By", "ASP.NET"),
            ("X-AspNet-Version", "4.0.30319"),
            ("X-FEServer", machine),
            ("X-BEServer", machine),
            ("X-CalculatedBETarget", self._inside_name),
            ("X-DiagInfo", machine),
            (
                "Set-Cookie",
                f"X-BackEndCookie=S-1-5-21={self._inside_name}; path=/Microsoft-Server-ActiveSync",
            ),
        ]

    def _challenges(self) -> tuple[tuple[str, str], ...]:
        if self._sign_in.accept != "basic":
            return ()
        return (
            ("WWW-Authenticate", "Negotiate"),
            ("WWW-Authenticate", "NTLM"),
            ("WWW-Authenticate", f'Basic realm="{self._inside_name}"'),
        )


def _capabilities() -> tuple[tuple[str, str], ...]:
    return (
        ("MS-Server-ActiveSync", "15.2"),
        ("MS-ASProtocolVersions", VERSIONS),
        ("MS-ASProtocolCommands", COMMANDS),
    )


def _request_line(start_line: str) -> tuple[str, str, str]:
    parts = start_line.split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.0", "HTTP/1.1") or not parts[1].startswith("/"):
        raise BadMessage(f"request line {start_line[:60]!a}")
    return parts[0], parts[1], parts[2]


def _call(query: ActiveSyncQuery, user: str, headers: Headers, body: bytes) -> Call:
    version = query.protocol_version or headers.get("MS-ASProtocolVersion")
    key = headers.get("X-MS-PolicyKey")
    policy_key = query.policy_key or (int(key) if key.isascii() and key.isdigit() and len(key) <= 10 else 0)
    return Call(
        user=mailbox_name(user),
        device_id=query.device_id,
        command=query.command,
        version=float(version) if version in VERSIONS.split(",") else _DEFAULT_VERSION,
        policy_key=policy_key,
        body=body,
    )
