"""A client of one kept connection that shows all it gets: for what the simulated phone is too polite to do."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handfast.app.demo_text import FOLDER_SYNC, PING
from tests.servers.namespaces import inside

PATH = "/Microsoft-Server-ActiveSync"
BODIES = {"FolderSync": FOLDER_SYNC, "Ping": PING}


@dataclass(frozen=True)
class Door:
    """Where a gateway is reached. `source` is the address a client comes from, "" for any."""

    address: str
    port: int
    host: str
    ca_file: Path
    namespace: str = ""
    source: str = ""


@dataclass(frozen=True)
class Answer:
    """What came, and when (monotonic)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: float = field(compare=False)


class Client:
    """One TLS connection. `preamble` is sent before the handshake, as a balancer would.

    Use as a context manager. Raises OSError (ssl.SSLError, http.client.HTTPException too) where the gateway ends it.
    """

    def __init__(self, door: Door, *, preamble: bytes = b"", seconds: float = 20.0) -> None:
        self._door = door
        with inside(door.namespace):
            raw = socket.create_connection(
                (door.address, door.port), seconds, source_address=(door.source, 0) if door.source else None
            )
        try:
            raw.sendall(preamble)
            context = ssl.create_default_context(cafile=str(door.ca_file))
            self.socket = context.wrap_socket(raw, server_hostname=door.host)
        except BaseException:
            raw.close()
            raise
        self._http = http.client.HTTPConnection(door.host)
        self._http.sock = self.socket
        self._http.auto_open = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()
        self.socket.close()

    @property
    def certificate(self) -> bytes:
        """What the gateway showed, DER."""
        return self.socket.getpeercert(binary_form=True) or b""

    def send(
        self,
        user: str,
        password: str,
        device: str,
        command: str = "FolderSync",
        *,
        device_type: str = "SimPhone",
        user_agent: str = "Scenario/1",
    ) -> None:
        """One ActiveSync request by Basic; its answer is read by `answer`."""
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        name = user.rpartition("\\")[2].partition("@")[0]
        self._http.request(
            "POST",
            f"{PATH}?Cmd={command}&User={name}&DeviceId={device}&DeviceType={device_type}",
            BODIES[command],
            {
                "Authorization": f"Basic {token}",
                "Content-Type": "application/vnd.ms-sync.wbxml",
                "MS-ASProtocolVersion": "14.1",
                "User-Agent": user_agent,
            },
        )

    def answer(self) -> Answer:
        """Waits for the answer of the request sent."""
        answer = self._http.getresponse()
        body = answer.read()
        return Answer(answer.status, dict(answer.headers), body, time.monotonic())

    def ask(self, user: str, password: str, device: str, command: str = "FolderSync", **more: str) -> Answer:
        """Sends and waits."""
        self.send(user, password, device, command, **more)
        return self.answer()
