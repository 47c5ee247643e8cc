"""A phone's side of the door, sans politeness: one request at a time, any query, any source, any bytes.

answer = ask(site, "alice", password, device="PHONE1")
assert answer.status == 200
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlencode

from tests.installation import HOST, Installation

BALANCER = "127.0.0.2"
BALANCED = f'proxy_protocol_from = ["{BALANCER}/32"]'
"""For `installation(listener=BALANCED)`."""
PATH = "/Microsoft-Server-ActiveSync"


@dataclass(frozen=True)
class Answer:
    """What came back. `request_id` is the X-Request-Id of a refusal."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")


def proxy_header(source: str, port: int = 40000) -> bytes:
    """PROXY protocol v2 that claims `source`."""
    address = ip_address(source).packed
    family, local = (0x11, bytes(4)) if len(address) == 4 else (0x21, bytes(16))
    body = address + local + port.to_bytes(2, "big") + (443).to_bytes(2, "big")
    return b"\r\n\r\n\x00\r\nQUIT\n" + bytes((0x21, family)) + len(body).to_bytes(2, "big") + body


def dial(site: Installation, source: str | None = None, seconds: float = 20.0) -> ssl.SSLSocket:
    """A TLS connection to the gateway; with `source`, through the balancer at 127.0.0.2 that names it."""
    balancer = None if source is None else (BALANCER, 0)
    plain = socket.create_connection(("127.0.0.1", site.port), timeout=seconds, source_address=balancer)
    if source is not None:
        plain.sendall(proxy_header(source))
    context = site.context()
    context.check_hostname = False
    return context.wrap_socket(plain, server_hostname=HOST)


@contextlib.contextmanager
def connection(
    site: Installation, source: str | None = None, seconds: float = 20.0
) -> Iterator[http.client.HTTPConnection]:
    """A kept connection that speaks HTTP/1.1."""
    client = http.client.HTTPConnection("127.0.0.1", site.port)
    client.sock = dial(site, source, seconds)
    try:
        yield client
    finally:
        client.close()


def basic(login: str, password: str) -> str:
    """An Authorization value."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def query(device: str = "PHONE1", command: str = "FolderSync", kind: str = "iPhone", user: str = "x") -> str:
    """The plain query of one command."""
    return urlencode({"Cmd": command, "User": user, "DeviceId": device, "DeviceType": kind})


def send(
    client: http.client.HTTPConnection,
    login: str | None = None,
    password: str = "",
    *,
    target: str | None = None,
    method: str = "POST",
    host: str = HOST,
    agent: str = "Apple-iPhone12C1/1801.373",
    version: str = "16.1",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    **named: str,
) -> Answer:
    """One request on a connection; `named` go into the query."""
    fields = {
        "Host": host,
        "User-Agent": agent,
        "MS-ASProtocolVersion": version,
        "Content-Type": "application/x",
    }
    if login is not None:
        fields["Authorization"] = basic(login, password)
    fields.update(headers or {})
    client.request(method, target or f"{PATH}?{query(**named)}", body=body, headers=fields)
    response = client.getresponse()
    return Answer(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    )


def ask(
    site: Installation, login: str | None = None, password: str = "", *, source: str | None = None, **more
) -> Answer:
    """One request on a connection of its own."""
    with connection(site, source) as client:
        return send(client, login, password, **more)


def ask_raw(site: Installation, data: bytes, *, seconds: float = 20.0, source: str | None = None) -> Answer:
    """Bytes as they are, and the first answer to them."""
    with dial(site, source, seconds) as door:
        door.sendall(data)
        response = http.client.HTTPResponse(door)
        response.begin()
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
