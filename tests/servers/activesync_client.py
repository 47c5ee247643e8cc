"""A scripted ActiveSync client; its WBXML is libwbxml's, so that it shares no mistakes with a codec of ours."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import urllib.parse
import xml.etree.ElementTree as ET
from base64 import b64encode
from dataclasses import dataclass, field
from http import HTTPStatus

_DOCTYPE = '<!DOCTYPE ActiveSync PUBLIC "-//MICROSOFT//DTD ActiveSync//EN" "http://www.microsoft.com/">'
INBOX_TYPE = "2"
"""FolderSync's Type of the default inbox. Source: MS-ASCMD 2.2.3.186.3."""


def encode_wbxml(xml: str) -> bytes:
    """XML with ActiveSync's namespaces as WBXML 1.3 without a string table."""
    command = ["xml2wbxml", "-v", "1.3", "-n", "-a", "-o", "-", "-"]
    return subprocess.run(command, input=(_DOCTYPE + xml).encode(), capture_output=True, check=True).stdout


def decode_wbxml(body: bytes) -> ET.Element:
    """The root element; names carry their namespace as `{Ping:}Status`."""
    command = ["wbxml2xml", "-l", "ACTIVESYNC", "-o", "-", "-"]
    done = subprocess.run(command, input=body, capture_output=True, check=True)
    return ET.fromstring(done.stdout)  # made by libwbxml on this machine


@dataclass
class ActiveSyncClient:
    """One phone: base URL of the server's ActiveSync path, a Basic credential and a device id.

    `answer` is None where a command's answer was empty (a Sync without changes).
    """

    url: str
    user: str
    password: str = field(repr=False)
    device_id: str = "TESTPHONE0001"
    device_type: str = "TestPhone"
    tls: ssl.SSLContext | None = None
    policy_key: str = "0"
    host: str = ""
    """What Host says where it isn't the address in the URL."""

    def send(
        self, method: str, query: str = "", body: bytes = b"", seconds: float = 90.0
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers (lower-case names), body."""
        parts = urllib.parse.urlsplit(self.url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=seconds, context=self.tls
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
        headers = {
            "Authorization": "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode(),
            "MS-ASProtocolVersion": "14.1",
            "X-MS-PolicyKey": self.policy_key,
            "User-Agent": "TestPhone/1.0",
        }
        if self.host:
            headers["Host"] = self.host
        if body:
            headers["Content-Type"] = "application/vnd.ms-sync.wbxml"
        try:
            connection.request(method, parts.path + (query and "?" + query), body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def command(self, name: str, xml: str, seconds: float = 90.0) -> ET.Element | None:
        """One ActiveSync command. Raises: CommandRefused for any status but 200."""
        fields = {
            "Cmd": name,
            "User": self.user,
            "DeviceId": self.device_id,
            "DeviceType": self.device_type,
        }
        query = urllib.parse.urlencode(fields)
        status, headers, body = self.send("POST", query, encode_wbxml(xml), seconds)
        if status != HTTPStatus.OK:
            raise CommandRefused(status, headers)
        return decode_wbxml(body) if body else None

    def options(self) -> tuple[int, dict[str, str]]:
        """Status and headers of a bare OPTIONS."""
        status, headers, _ = self.send("OPTIONS")
        return status, headers

    def find_inbox(self) -> str:
        """The inbox's folder id, by a first FolderSync."""
        answer = self.command(
            "FolderSync", '<FolderSync xmlns="FolderHierarchy:"><SyncKey>0</SyncKey></FolderSync>'
        )
        assert answer is not None
        for folder in answer.iter("{FolderHierarchy:}Add"):
            if folder.findtext("{FolderHierarchy:}Type") == INBOX_TYPE:
                return folder.findtext("{FolderHierarchy:}ServerId", "")
        raise AssertionError("no inbox among the folders")

    def sync(self, folder: str, sync_key: str = "0") -> tuple[str, list[str]]:
        """One Sync: the next key, and the subjects of the mails it brought. Key "0" begins and brings none."""
        wants = "" if sync_key == "0" else "<GetChanges>1</GetChanges><WindowSize>25</WindowSize>"
        answer = self.command(
            "Sync",
            '<Sync xmlns="AirSync:"><Collections><Collection>'
            f"<SyncKey>{sync_key}</SyncKey><CollectionId>{folder}</CollectionId>{wants}"
            "</Collection></Collections></Sync>",
        )
        if answer is None:
            return sync_key, []
        subjects = [found.text or "" for found in answer.iter("{Email:}Subject")]
        return next(found.text or "" for found in answer.iter("{AirSync:}SyncKey")), subjects

    def catch_up(self, folder: str) -> tuple[str, list[str]]:
        """Syncs from nothing until the key stands still, as phones do before a Ping; the key, and all subjects."""
        key, subjects = self.sync(folder)
        for _ in range(10):
            next_key, brought = self.sync(folder, key)
            subjects += brought
            if next_key == key:
                return key, subjects
            key = next_key
        raise AssertionError("Sync never comes to an end")

    def ping(self, folder: str, heartbeat_seconds: int, wait_seconds: float = 90.0) -> str:
        """Hangs until there is news ("2") or the heartbeat is over ("1"); the Ping status."""
        answer = self.command(
            "Ping",
            f'<Ping xmlns="Ping:"><HeartbeatInterval>{heartbeat_seconds}</HeartbeatInterval>'
            f"<Folders><Folder><Id>{folder}</Id><Class>Email</Class></Folder></Folders></Ping>",
            wait_seconds,
        )
        assert answer is not None
        return answer.findtext("{Ping:}Status", "")


class CommandRefused(Exception):
    """The server answered a command with another status than 200."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
