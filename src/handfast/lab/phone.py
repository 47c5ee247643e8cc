"""A simulated phone: the client's side of ActiveSync, polite and without secrets of its own making.

It does what a phone's mail application does after its owner typed name and password: ask for the server's abilities,
provision, fetch the folders, synchronise the inbox, and then hang in Ping until something comes.

Source: MS-ASCMD 2.2.1, MS-ASPROV 2.2, MS-ASHTTP 2.2.1.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from handfast.lab.http_client import HttpAnswer, HttpClient
from handfast.lab.http_message import Headers
from handfast.protocols.activesync import ActiveSyncQuery, Command, QueryForm
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import decode, encode

PATH = "/Microsoft-Server-ActiveSync"
WBXML_TYPE = "application/vnd.ms-sync.wbxml"
INBOX_TYPE = "2"
_LOCALE_EN_US = 0x0409


@dataclass(frozen=True, slots=True)
class PhoneAnswer:
    """What came back: the HTTP status, and where there was a WBXML body its document and top Status (0 without)."""

    http_status: int
    headers: Headers = field(repr=False)
    document: Element | None = None
    status: int = 0

    @property
    def ok(self) -> bool:
        """Whether HTTP succeeded."""
        return self.http_status == 200


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as Sync brought it."""

    server_id: str
    sender: str
    subject: str
    body: str


class SimulatedPhone:
    """One phone with one account. Every method sends one request (provision: two) and returns what came back.

    `base_url` may name an address; `host_name` is the published name that TLS must prove and Host says. `ca_file` is PEM.
    With `base64_query` the query takes its Base64 form. Methods raise ConnectionError where the connection fails or is
    cut, ssl.SSLError where the server cannot prove its name, and MalformedMessage for a body that is no WBXML.
    """

    def __init__(
        self,
        base_url: str,
        ca_file: Path | None,
        host_name: str,
        user: str,
        password: str,
        device_id: str,
        device_type: str = "SimPhone",
        protocol_version: str = "14.1",
        *,
        base64_query: bool = False,
        user_agent: str = "Handfast-SimPhone/1.0",
    ) -> None:
        self._http = HttpClient(base_url, ca_file, host_name)
        self._user = user
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._device_id = device_id
        self._device_type = device_type
        self._version = protocol_version
        self._form = QueryForm.BASE64 if base64_query else QueryForm.PLAIN
        self._user_agent = user_agent
        self._folder_key = "0"
        self._sync_keys: dict[str, str] = {}
        self.policy_key = 0
        self.folders: dict[str, str] = {}  # server id -> name
        self.inbox = ""
        self.inbox_mail: list[ReceivedMail] = []

    async def options(self) -> PhoneAnswer:
        """Asks for the server's versions and commands, which are in the answer's headers."""
        return _answer(await self._http.request("OPTIONS", PATH, self._fields(), b""))

    async def provision(self) -> PhoneAnswer:
        """Fetches the policy and accepts it; the answer is the last one that came."""
        first = await self._policy("0")
        key = first.document.text_at("Policies", "Policy", "PolicyKey") if first.document else ""
        if not first.ok or not key:
            return first
        final = await self._policy("1", acknowledged=key)
        key = final.document.text_at("Policies", "Policy", "PolicyKey") if final.document else ""
        self.policy_key = int(key) if key.isdigit() else 0
        return final

    async def folder_sync(self) -> PhoneAnswer:
        """Fetches the folders and finds the inbox among them."""
        page = "FolderHierarchy"
        answer = await self.command(
            Command.FOLDER_SYNC,
            Element(page, "FolderSync", (Element(page, "SyncKey", text=self._folder_key),)),
        )
        if answer.document and answer.status == 1:
            self._folder_key = answer.document.text_at("SyncKey")
            changes = answer.document.first("Changes")
            for folder in changes.all("Add") if changes else ():
                self.folders[folder.text_at("ServerId")] = folder.text_at("DisplayName")
                if folder.text_at("Type") == INBOX_TYPE:
                    self.inbox = folder.text_at("ServerId")
        elif answer.status:
            self._folder_key = "0"  # The server does not know our key any more: the next call begins anew.
        return answer

    async def sync(self, *, heartbeat: int = 0) -> tuple[PhoneAnswer, list[ReceivedMail]]:
        """Synchronises the inbox and returns what is new; the first time it asks for a key before.

        With `heartbeat` (seconds) the server may hang until there is something. Raises: RuntimeError before
        `folder_sync` has found an inbox.
        """
        if not self.inbox:
            raise RuntimeError("no inbox yet: call folder_sync first")
        if self._sync_keys.get(self.inbox, "0") == "0":
            answer = await self._sync_once(0)
            if not answer.ok or self._sync_keys.get(self.inbox, "0") == "0":
                return answer, []
        answer = await self._sync_once(heartbeat)
        new = _mails(answer.document)
        self.inbox_mail += new
        return answer, new

    async def ping(self, heartbeat: int) -> PhoneAnswer:
        """Hangs up to `heartbeat` seconds. Status 1: nothing came; 2: synchronise now; 5: another interval, please."""
        folder = Element(
            "Ping", "Folder", (_leaf("Ping", "Id", self.inbox or "1"), _leaf("Ping", "Class", "Email"))
        )
        parts = (_leaf("Ping", "HeartbeatInterval", str(heartbeat)), Element("Ping", "Folders", (folder,)))
        return await self.command(Command.PING, Element("Ping", "Ping", parts))

    async def send_mail(self, recipient: str, subject: str, body: str) -> PhoneAnswer:
        """Sends a plain text mail. An empty 200 is success."""
        message = EmailMessage()
        message["To"], message["Subject"] = recipient, subject
        message.set_content(body)
        mime = message.as_bytes()
        if float(self._version) < 14:
            return await self._post(Command.SEND_MAIL, mime, "message/rfc822")
        number = base64.b32encode(str(len(self.inbox_mail)).encode()).decode().rstrip("=")
        parts = (_leaf("ComposeMail", "ClientId", number), Element("ComposeMail", "Mime", opaque=mime))
        return await self.command(Command.SEND_MAIL, Element("ComposeMail", "SendMail", parts))

    async def command(self, command: Command, document: Element | None) -> PhoneAnswer:
        """Any command with any document; None sends an empty body."""
        return await self._post(command, encode(document) if document else b"", WBXML_TYPE)

    async def close(self) -> None:
        """Closes the connection."""
        await self._http.close()

    async def _post(self, command: Command, body: bytes, content_type: str) -> PhoneAnswer:
        target = f"{PATH}?{self._query(command).encode().decode('ascii')}"
        fields = [*self._fields(), ("Content-Type", content_type)]
        return _answer(await self._http.request("POST", target, fields, body))

    def _fields(self) -> list[tuple[str, str]]:
        fields = [("Authorization", self._authorization), ("User-Agent", self._user_agent)]
        if self._form is QueryForm.PLAIN:
            fields += [("MS-ASProtocolVersion", self._version), ("X-MS-PolicyKey", str(self.policy_key))]
        return fields

    def _query(self, command: Command) -> ActiveSyncQuery:
        in_base64 = self._form is QueryForm.BASE64
        return ActiveSyncQuery(
            command=command,
            user=self._user,
            device_id_as_sent=self._device_id.encode(),
            device_type=self._device_type,
            form=self._form,
            protocol_version=self._version if in_base64 else "",
            policy_key=(self.policy_key or None) if in_base64 else None,
            locale=_LOCALE_EN_US if in_base64 else None,
        )

    async def _policy(self, status: str, acknowledged: str = "") -> PhoneAnswer:
        parts = [_leaf("Provision", "PolicyType", "MS-EAS-Provisioning-WBXML")]
        if acknowledged:
            parts += [_leaf("Provision", "PolicyKey", acknowledged), _leaf("Provision", "Status", status)]
        policies = Element("Provision", "Policies", (Element("Provision", "Policy", tuple(parts)),))
        before = () if acknowledged or float(self._version) < 14.1 else (self._device_information(),)
        return await self.command(Command.PROVISION, Element("Provision", "Provision", (*before, policies)))

    def _device_information(self) -> Element:
        said = (
            _leaf("Settings", "Model", self._device_type),
            _leaf("Settings", "FriendlyName", "Simulated phone"),
            _leaf("Settings", "OS", "SimOS 1.0"),
            _leaf("Settings", "UserAgent", self._user_agent),
        )
        return Element("Settings", "DeviceInformation", (Element("Settings", "Set", said),))

    async def _sync_once(self, heartbeat: int) -> PhoneAnswer:
        key = self._sync_keys.get(self.inbox, "0")
        parts = [_leaf("AirSync", "SyncKey", key), _leaf("AirSync", "CollectionId", self.inbox)]
        if key != "0":
            parts += [_leaf("AirSync", "GetChanges", "1"), _leaf("AirSync", "WindowSize", "50")]
        collection = Element("AirSync", "Collection", tuple(parts))
        whole = [Element("AirSync", "Collections", (collection,))]
        if heartbeat:
            whole.append(_leaf("AirSync", "HeartbeatInterval", str(heartbeat)))
        answer = await self.command(Command.SYNC, Element("AirSync", "Sync", tuple(whole)))
        if answer.document and (new_key := answer.document.text_at("Collections", "Collection", "SyncKey")):
            self._sync_keys[self.inbox] = new_key
        return answer


def _answer(http: HttpAnswer) -> PhoneAnswer:
    if (
        http.status != 200
        or not http.body
        or http.headers.get("Content-Type").partition(";")[0] != WBXML_TYPE
    ):
        return PhoneAnswer(http.status, http.headers)
    document = decode(http.body, max_bytes=len(http.body))
    status = document.text_at("Status") or document.text_at("Collections", "Collection", "Status")
    return PhoneAnswer(http.status, http.headers, document, int(status) if status.isdigit() else 0)


def _mails(document: Element | None) -> list[ReceivedMail]:
    commands = document.first("Collections", "Collection", "Commands") if document else None
    return [
        ReceivedMail(
            server_id=added.text_at("ServerId"),
            sender=added.text_at("ApplicationData", "From"),
            subject=added.text_at("ApplicationData", "Subject"),
            body=_text_or_opaque(added.first("ApplicationData", "Body", "Data")),
        )
        for added in (commands.all("Add") if commands else ())
    ]


def _text_or_opaque(data: Element | None) -> str:
    """Servers are free to send a body as a string or as opaque bytes."""
    if data is None:
        return ""
    return data.text or (data.opaque or b"").decode("utf-8", "replace")


def _leaf(page: str, name: str, text: str) -> Element:
    return Element(page, name, text=text)
