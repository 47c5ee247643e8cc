"""The admin API: a Unix socket on which root, the service user and an admin group call the administration.

`POST /v1/METHOD` with the keyword arguments as one JSON object calls the public coroutine method of that name. Who acts
is what the kernel says of the peer, never what a message says: "uid:1000(alice)". Answers: 200 `{"result": ...}`;
409 a refusal (`kind`, `message`, `remedy`); 400 wrong arguments; 403; 404 no such method; 503 try later.
"""

from __future__ import annotations

import asyncio
import grp
import inspect
import json
import os
import pwd
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.ports import Unavailable
from handfast.identity_api.fields import encode_object, parse_object
from handfast.identity_api.http_server import HttpConnection
from handfast.identity_api.unix_socket import UnixPeer, listen_unix, unix_peer
from handfast.identity_api.wire import Answer, Request
from handfast.observability.logging import event_log
from handfast.protocols.errors import MalformedMessage

MAX_BODY_BYTES = 64 * 1024 * 1024
"""A device list of some 500,000 rows, as CSV, in one call."""
SOCKET_MODE = 0o660
UNKNOWN_USER = "-"
"""Shown for a user id without a name."""

_LOG = event_log("admin-api")


class CallCheck(Protocol):
    """Whether a Unix user may make a call, where not everybody at the socket may everything."""

    async def check(self, *, user: str, actor: str, call: str) -> None:
        """Raises: AdministrationError where it may not, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end. `is_owner` is True for root and the service's own user, who may everything."""

    user: str
    actor: str
    is_owner: bool


AdminMethod = Callable[..., Coroutine[Any, Any, object]]


class AdminApiServer:
    """Serves `administration`'s public coroutine methods; each takes keyword arguments and `actor`.

    Results are JSON values already; `AdministrationError` and `Unavailable` are told to the caller.
    """

    def __init__(
        self, administration: object, *, admin_group: str = "", roles: CallCheck | None = None
    ) -> None:
        """`roles` judges members of the group, call by call. Raises: ValueError where the group does not exist."""
        self._methods = _public_methods(administration)
        self._group = _group_id(admin_group) if admin_group else None
        self._roles = roles
        self._callers: dict[HttpConnection, Caller] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def serve_unix(self, path: Path, *, owner: int | None = None) -> None:
        """Serves at `path`, mode 0660. Raises: OSError."""
        listener = listen_unix(path, mode=SOCKET_MODE, owner=owner, group=self._group)
        self._server = await asyncio.get_running_loop().create_unix_server(
            lambda: HttpConnection(self, self._tasks, max_body_bytes=MAX_BODY_BYTES), sock=listener
        )

    async def close(self, *, deadline_seconds: float = 5.0) -> None:
        """Takes no more calls; those in progress may finish until the deadline."""
        if self._server is not None:
            self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_seconds)
        for connection in list(self._callers):
            connection.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def admit(self, connection: HttpConnection) -> bool:
        """Notes who connected; whoever may not administrate is told so by `answer`."""
        peer = unix_peer(connection.peer("socket"))
        if peer is None:
            return False
        # Looking users up may ask a directory: off the loop.
        loop = asyncio.get_running_loop()
        name, may_enter = await loop.run_in_executor(None, _look_up, peer, self._group)
        if may_enter:
            actor = f"uid:{peer.uid}({name})"
            self._callers[connection] = Caller(
                "" if name == UNKNOWN_USER else name, actor, is_owner=peer.uid in (0, os.geteuid())
            )
        else:
            _LOG.warning("admin-refused", uid=peer.uid, user=name)
        return connection.is_open

    async def answer(self, request: Request, connection: HttpConnection) -> Answer | None:
        """Calls one method. Raises: only what is unforeseen."""
        caller = self._callers.get(connection)
        if caller is None:
            return _refusal(
                403, "refused", "you may not administrate Handfast", "Join its admin group, or use sudo"
            )
        method = self._methods.get(request.path.removeprefix("/v1/")) if request.method == "POST" else None
        if method is None or not request.path.startswith("/v1/"):
            return _refusal(404, "usage", f"no call {request.path}", "Use the CLI of the same version")
        try:
            arguments = _arguments(method, request.body)
            if self._roles is not None and not caller.is_owner:
                call = request.path.removeprefix("/v1/")
                await self._roles.check(user=caller.user, actor=caller.actor, call=call)
            return Answer(200, encode_object({"result": await method(**arguments, actor=caller.actor)}))
        except MalformedMessage as problem:
            return _refusal(400, "usage", str(problem), "See `handfast --help`")
        except Unavailable as problem:
            return _refusal(503, "unavailable", str(problem), "Try again")
        except AdministrationError as refusal:
            return _refusal(409, refusal.kind, refusal.message, refusal.remedy)

    def closed(self, connection: HttpConnection) -> None:
        """Forgets who it was."""
        self._callers.pop(connection, None)


def _public_methods(administration: object) -> dict[str, AdminMethod]:
    return {
        name: getattr(administration, name)
        for name, member in inspect.getmembers(type(administration), inspect.iscoroutinefunction)
        if not name.startswith("_") and "actor" in inspect.signature(member).parameters
    }


def _arguments(method: AdminMethod, body: bytes) -> dict[str, object]:
    """Raises: MalformedMessage where the method takes other arguments, or the caller names an actor."""
    arguments = parse_object(body or b"{}")
    if "actor" in arguments:
        raise MalformedMessage("admin-api", "actor", "is taken from the socket, not from the message")
    if not _is_text_whole(arguments):
        raise MalformedMessage("admin-api", "arguments", "text that is not UTF-8")
    try:
        inspect.signature(method).bind(**arguments, actor="")
    except TypeError as problem:
        raise MalformedMessage("admin-api", "arguments", str(problem)) from None
    return arguments


def _is_text_whole(arguments: dict[str, object]) -> bool:
    """False for lone surrogates, as a shell's argument that is not UTF-8 becomes: no database stores them."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(status: int, kind: str, message: str, remedy: str) -> Answer:
    return Answer(status, encode_object({"kind": kind, "message": message, "remedy": remedy}))


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"group {name!r} does not exist: create it or change identity.admin_group") from None


def _look_up(peer: UnixPeer, group: int | None) -> tuple[str, bool]:
    """(user name, whether it may administrate)."""
    try:
        entry = pwd.getpwuid(peer.uid)
    except KeyError:
        name, groups = UNKNOWN_USER, [peer.gid]
    else:
        name, groups = entry.pw_name, os.getgrouplist(entry.pw_name, entry.pw_gid)
    is_member = group is not None and (group == peer.gid or group in groups)
    return name, peer.uid in (0, os.geteuid()) or is_member
