"""The load generator, a process of its own: `python -m benchmarks.load`, its task as one line of JSON on stdin.

It opens the connections (and signs in on them, for NTLM), prints "ready", waits for a line, works, prints one line of
JSON. So what is measured between those two lines holds the requests and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, cast

import spnego
import uvloop

# FolderSync with key 0 in WBXML; every subject gets the same 13 bytes.
BODY = bytes.fromhex("03016a000007565203300001 01".replace(" ", ""))
_PHONE_FIELDS = (
    "User-Agent: BenchPhone/1.0",
    "MS-ASProtocolVersion: 14.1",
    "Content-Type: application/vnd.ms-sync.wbxml",
)
_OUTLOOK_FIELDS = ("User-Agent: BenchOutlook/16.0", "Content-Type: text/xml; charset=utf-8")
AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.Protocol)
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Task:
    """`kind`: "requests" (a fixed number over kept connections), "handshakes" (NTLM, each on a new connection) or
    "hold" (one request a connection, never answered; holds them until stdin ends). `benchmarks.stream_load` has no kinds.
    """

    kind: str
    port: int
    host: str
    target: str
    connections: int
    count: int = 0
    certificate: str = ""
    scheme: str = ""
    user: str = ""
    domain: str = ""
    password: str = ""
    authorization: str = ""
    document: str = ""
    """XML sent in place of the phone's 13 bytes."""
    absent: str = ""
    """What the first answer on each connection must not hold."""
    seconds: float = 0.0
    """How long streams are listened to."""

    def encode(self) -> str:
        return json.dumps(asdict(self))


class Connection(asyncio.Protocol):
    """HTTP/1.1 with one request at a time. The end of a chunked answer is what looks like one: no body here does."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.answer: asyncio.Future[tuple[int, bytes, bytes]] | None = None
        self.burst: Burst | None = None
        self.hangs = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        self.hangs = False
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        is_chunked = at < 0 and b"\r\ntransfer-encoding: chunked" in head
        if len(self.buffer) < end + 4 + length or (is_chunked and not self.buffer.endswith(_LAST_CHUNK)):
            return
        status, original, body = int(head[9:12]), bytes(self.buffer[:end]), bytes(self.buffer[end + 4 :])
        self.buffer.clear()
        if self.burst is not None:
            self.burst.answered(self, status)
        elif self.answer is not None and not self.answer.done():
            self.answer.set_result((status, original, body))

    def connection_lost(self, _exc: Exception | None) -> None:
        self.hangs = False
        if self.burst is not None:
            self.burst.fail("a connection was closed")
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError("closed before an answer"))

    async def exchange(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Sends one request; status, head and body of its answer."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await asyncio.wait_for(self.answer, 30)


class Burst:
    """A fixed number of requests over open connections, each connection busy all the time."""

    def __init__(self, request: bytes, count: int) -> None:
        self.request = request
        self.to_send = self.to_come = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, connections: list[Connection]) -> None:
        """Raises: RuntimeError on any answer but 200."""
        for connection in connections:
            connection.burst = self
            self.send(connection)
        await self.done
        for connection in connections:
            connection.burst = None

    def send(self, connection: Connection) -> None:
        if self.to_send:
            self.to_send -= 1
            connection.transport.write(self.request)

    def answered(self, connection: Connection, status: int) -> None:
        if status != 200:
            self.fail(f"an answer was {status}")
            return
        self.to_come -= 1
        if self.to_come == 0 and not self.done.done():
            self.done.set_result(None)
        else:
            self.send(connection)

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))


def build_request(task: Task, authorization: str = "") -> bytes:
    """The request every subject gets; only Authorization differs."""
    body = task.document.encode() or BODY
    lines = [
        f"POST {task.target} HTTP/1.1",
        f"Host: {task.host}",
        *(_OUTLOOK_FIELDS if task.document else _PHONE_FIELDS),
        f"Content-Length: {len(body)}",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def build_tls(task: Task) -> ssl.SSLContext | None:
    """Verifies against the subject's own certificate."""
    if not task.certificate:
        return None
    context = ssl.create_default_context(cafile=task.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def connect(task: Task, tls: ssl.SSLContext | None, make: Callable[[], AnyProtocol]) -> AnyProtocol:
    """One connection to the subject."""
    loop = asyncio.get_running_loop()
    name = task.host if tls else None
    _, connection = await loop.create_connection(make, "127.0.0.1", task.port, ssl=tls, server_hostname=name)
    return connection


async def sign_in_by_ntlm(task: Task, connection: Connection) -> None:
    """The three messages of NTLM on one connection; the request that carries the third must be answered 200."""
    user = f"{task.domain}\\{task.user}" if task.domain else task.user
    client = spnego.client(user, task.password, hostname=task.host, service="http", protocol="ntlm")
    first = b64encode(client.step() or b"").decode()
    status, head, _ = await connection.exchange(build_request(task, f"NTLM {first}"))
    challenge = find_challenge(head)
    if status != 401 or not challenge:
        raise RuntimeError(f"no NTLM challenge but {status}: {head.decode(errors='replace')}")
    third = b64encode(client.step(challenge) or b"").decode()
    status, head, _ = await connection.exchange(build_request(task, f"NTLM {third}"))
    if status != 200:
        raise RuntimeError(f"NTLM sign-in answered {status}: {head.decode(errors='replace')}")


def find_challenge(head: bytes) -> bytes:
    """The token of `WWW-Authenticate: NTLM ...`, or nothing."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"www-authenticate" and value.strip()[:5].upper() == b"NTLM ":
            return b64decode(value.strip()[5:])
    return b""


async def next_line() -> str:
    """Waits for a line from whoever started us; empty at the end."""
    return await asyncio.to_thread(sys.stdin.readline)


async def open_all(task: Task, make: Callable[[], AnyProtocol]) -> list[AnyProtocol]:
    """All connections, a hundred at a time so that no listen queue overflows."""
    tls = build_tls(task)
    connections: list[AnyProtocol] = []
    while len(connections) < task.connections:
        batch = min(100, task.connections - len(connections))
        connections += await asyncio.gather(*(connect(task, tls, make) for _ in range(batch)))
    return connections


async def work(task: Task) -> dict[str, float]:
    """Does the task and returns its duration."""
    if task.kind == "handshakes":
        await begin()
        return await handshakes(task, build_tls(task))
    connections = await open_all(task, Connection)
    if task.kind == "hold":
        request = build_request(task, task.authorization)
        await begin()
        for number, connection in enumerate(connections):
            connection.transport.write(request)
            if number % 100 == 99:  # sign-ins come as from phones, not as one wave
                await asyncio.sleep(0.05)
        print("sent", flush=True)
        await next_line()
        if lost := sum(not connection.hangs for connection in connections):
            raise RuntimeError(f"{lost} of {len(connections)} polls did not hang")
        return {"held": len(connections)}
    request = build_request(task, task.authorization)
    for connection in connections:
        if task.scheme == "ntlm":
            await sign_in_by_ntlm(task, connection)
        status, head, body = await connection.exchange(request)
        if status != 200:
            raise RuntimeError(f"the first request answered {status}: {head.decode(errors='replace')}")
        if task.absent and task.absent.encode() in body:
            raise RuntimeError(f"the first answer holds {task.absent}")
    await begin()
    started = time.perf_counter()
    await Burst(request, task.count).run(connections)
    return {"seconds": time.perf_counter() - started}


async def handshakes(task: Task, tls: ssl.SSLContext | None) -> dict[str, float]:
    """`count` NTLM sign-ins, each on a new connection, one after the other."""
    started = time.perf_counter()
    for _ in range(task.count):
        connection = await connect(task, tls, Connection)
        await sign_in_by_ntlm(task, connection)
        connection.transport.close()
    return {"seconds": time.perf_counter() - started}


async def begin() -> None:
    """Says that all is open, and waits for the word."""
    print("ready", flush=True)
    await next_line()


def run(do: Callable[[Task], Coroutine[Any, Any, dict[str, float]]]) -> None:
    """Reads the task, does it, prints the result."""
    task = Task(**json.loads(sys.stdin.readline()))
    try:
        result = uvloop.run(do(task))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        sys.exit(1)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    run(work)
