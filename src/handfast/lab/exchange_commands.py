"""What the simulated Exchange answers to each ActiveSync command, once it knows whose request it is.

Source: MS-ASCMD 2.2.1, MS-ASPROV 2.2. A command answers at once with a `Reply`, or with a coroutine that hangs and then
gives one, as Ping and Sync do.
"""

from __future__ import annotations

import email
import email.policy
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from handfast.lab.exchange_sync import SyncStates
from handfast.lab.mailbox import FOLDERS, INBOX, SENT_ITEMS, Mailbox, mailbox_name
from handfast.lab.reply import Reply
from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import MAX_ELEMENTS, decode, encode
from handfast.protocols.errors import MalformedMessage

WBXML_TYPE = "application/vnd.ms-sync.wbxml"
MAX_WBXML_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it reached the server; `version` as a number to compare (14.1), `document` None for an empty body."""

    user: str
    device_id: str
    command: Command
    version: float
    policy_key: int
    body: bytes = field(repr=False)
    document: Element | None = None


Answer = Reply | Coroutine[Any, Any, Reply]

# Where each command says its Status: page and document element.
_ROOTS = {
    Command.SYNC: ("AirSync", "Sync"),
    Command.FOLDER_SYNC: ("FolderHierarchy", "FolderSync"),
    Command.PING: ("Ping", "Ping"),
    Command.PROVISION: ("Provision", "Provision"),
    Command.SETTINGS: ("Settings", "Settings"),
    Command.GET_ITEM_ESTIMATE: ("GetItemEstimate", "GetItemEstimate"),
    Command.ITEM_OPERATIONS: ("ItemOperations", "ItemOperations"),
    Command.SEND_MAIL: ("ComposeMail", "SendMail"),
}
_STATUS_INVALID_WBXML = 103
_STATUS_NOT_PROVISIONED = 142
_STATUS_INVALID_POLICY_KEY = 144


class ExchangeCommands:
    """All mailboxes, sync states and policy keys of one simulated server.

    `min_heartbeat` and `max_heartbeat` bound Ping's interval in seconds. With `require_policy` a device must provision
    before anything else, as Exchange demands it of devices that can.
    """

    def __init__(self, *, min_heartbeat: int, max_heartbeat: int, require_policy: bool, domain: str) -> None:
        self._heartbeats = range(min_heartbeat, max_heartbeat + 1)
        self._require_policy = require_policy
        self._domain = domain
        self._mailboxes: dict[str, Mailbox] = {}
        self._policy_keys: dict[tuple[str, str], int] = {}
        self._pings: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._syncs = SyncStates()
        self._handlers: dict[Command, Callable[[Call], Answer]] = {
            Command.SYNC: self._sync,
            Command.FOLDER_SYNC: _folder_sync,
            Command.PING: self._ping,
            Command.PROVISION: self._provision,
            Command.SETTINGS: self._settings,
            Command.GET_ITEM_ESTIMATE: self._estimate,
            Command.ITEM_OPERATIONS: self._fetch,
            Command.SEND_MAIL: self._send_mail,
        }

    def mailbox(self, login: str) -> Mailbox:
        """The mailbox of a login, made on first use."""
        name = mailbox_name(login)
        return self._mailboxes.setdefault(name, Mailbox(f"{name}@{self._domain}"))

    def answer(self, call: Call) -> Answer:
        """Carries out one command."""
        if call.command not in _ROOTS:
            return Reply(501)
        try:
            call = _with_document(call)
        except MalformedMessage:
            return _status(call, _STATUS_INVALID_WBXML) if call.version >= 14 else Reply(400)
        if refusal := self._policy_refusal(call):
            return refusal
        return self._handlers[call.command](call)

    def _policy_refusal(self, call: Call) -> Reply | None:
        if not self._require_policy or call.command is Command.PROVISION:
            return None
        known = self._policy_keys.get((call.user, call.device_id), 0)
        if known and call.policy_key == known:
            return None
        if call.version < 14:
            return Reply(449)
        return _status(call, _STATUS_INVALID_POLICY_KEY if known else _STATUS_NOT_PROVISIONED)

    def _provision(self, call: Call) -> Reply:
        """Phase 1 hands out a temporary key with the policy, phase 2 a final one. Source: MS-ASPROV 3.1.5.1."""
        policy = call.document.first("Policies", "Policy") if call.document else None
        if policy is None or policy.text_at("PolicyType") != "MS-EAS-Provisioning-WBXML":
            return _status(call, 2)
        device = (call.user, call.device_id)
        acknowledged = policy.text_at("PolicyKey")
        if acknowledged and acknowledged != str(self._policy_keys.get(device)):
            return _reply(_provisioned(_leaf("Provision", "Status", 5)))
        key = self._policy_keys[device] = secrets.randbelow(2**32 - 1) + 1
        parts = [_leaf("Provision", "Status", 1), _leaf("Provision", "PolicyKey", key)]
        if not acknowledged:
            rules = (
                _leaf("Provision", "DevicePasswordEnabled", 0),
                _leaf("Provision", "AllowSimpleDevicePassword", 1),
            )
            document = Element("Provision", "EASProvisionDoc", rules)
            parts.append(Element("Provision", "Data", (document,)))
        information = _device_information_stored(call)
        return _reply(_provisioned(*parts, before=information))

    def _ping(self, call: Call) -> Answer:
        """Hangs until mail comes for a watched folder (Status 2) or the interval ends (Status 1)."""
        device = (call.user, call.device_id)
        interval, folders = self._pings.get(device, (0, []))
        if call.document:
            interval = _number(call.document.text_at("HeartbeatInterval")) or interval
            watched = call.document.first("Folders")
            folders = [folder.text_at("Id") for folder in watched.all("Folder")] if watched else folders
        if not interval or not folders:
            return _status(call, 3)
        if interval not in self._heartbeats:
            limit = self._heartbeats[0] if interval < self._heartbeats[0] else self._heartbeats[-1]
            return _reply(
                Element(
                    "Ping", "Ping", (_leaf("Ping", "Status", 5), _leaf("Ping", "HeartbeatInterval", limit))
                )
            )
        if any(folder not in {known.server_id for known in FOLDERS} for folder in folders):
            return _status(call, 7)
        self._pings[device] = (interval, folders)
        return self._hanging_ping(call, interval, folders)

    async def _hanging_ping(self, call: Call, interval: int, folders: list[str]) -> Reply:
        mailbox = self.mailbox(call.user)
        # A folder this device never synchronised counts from now on: it has nothing to compare with.
        seen = {
            folder: self._syncs.delivered((call.user, call.device_id, folder), default=mailbox.newest())
            for folder in folders
        }

        def changed() -> list[str]:
            return [folder for folder, number in seen.items() if mailbox.newer_than(folder, number)]

        if not await mailbox.wait_until(lambda: bool(changed()), interval):
            return _status(call, 1)
        names = tuple(_leaf("Ping", "Folder", folder) for folder in changed())
        return _reply(
            Element("Ping", "Ping", (_leaf("Ping", "Status", 2), Element("Ping", "Folders", names)))
        )

    def _sync(self, call: Call) -> Answer:
        if call.document is None:
            return _status(
                call, 13
            )  # An empty Sync repeats one we would have to remember: ask for the whole.
        if call.document.first("Collections", "Collection") is None:
            return _status(call, 4)
        device = (call.user, call.device_id)
        seconds = _number(call.document.text_at("HeartbeatInterval")) or 60 * _number(
            call.document.text_at("Wait")
        )
        if seconds and self._syncs.is_quiet(self.mailbox(call.user), device, call.document):
            return self._hanging_sync(call, call.document, min(seconds, self._heartbeats[-1]))
        return self._synchronised(call, call.document)

    async def _hanging_sync(self, call: Call, document: Element, seconds: int) -> Reply:
        mailbox = self.mailbox(call.user)
        device = (call.user, call.device_id)
        await mailbox.wait_until(lambda: not self._syncs.is_quiet(mailbox, device, document), seconds)
        return self._synchronised(call, document)

    def _synchronised(self, call: Call, document: Element) -> Reply:
        answer = self._syncs.synchronise(self.mailbox(call.user), (call.user, call.device_id), document)
        # Nothing new is said with an empty body. Source: MS-ASCMD 2.2.1.21.
        return _reply(answer) if answer else Reply(200)

    def _settings(self, call: Call) -> Reply:
        parts: list[Element] = [_leaf("Settings", "Status", 1)]
        parts += _device_information_stored(call)
        if call.document and call.document.first("UserInformation", "Get"):
            address = _leaf("Settings", "SmtpAddress", self.mailbox(call.user).address)
            addresses = Element("Settings", "EmailAddresses", (address,))
            got = Element("Settings", "Get", (addresses,))
            parts.append(Element("Settings", "UserInformation", (_leaf("Settings", "Status", 1), got)))
        return _reply(Element("Settings", "Settings", tuple(parts)))

    def _estimate(self, call: Call) -> Reply:
        collections = call.document.first("Collections") if call.document else None
        if collections is None:
            return _status(call, 2)
        responses = []
        for collection in collections.all("Collection"):
            folder = collection.text_at("CollectionId")
            delivered = self._syncs.delivered((call.user, call.device_id, folder), default=0)
            estimate = len(self.mailbox(call.user).newer_than(folder, delivered))
            about = (
                _leaf("GetItemEstimate", "CollectionId", folder),
                _leaf("GetItemEstimate", "Estimate", estimate),
            )
            said = (_leaf("GetItemEstimate", "Status", 1), Element("GetItemEstimate", "Collection", about))
            responses.append(Element("GetItemEstimate", "Response", said))
        return _reply(Element("GetItemEstimate", "GetItemEstimate", tuple(responses)))

    def _fetch(self, call: Call) -> Reply:
        fetches = list(call.document.all("Fetch")) if call.document else []
        if not fetches:
            return _status(call, 2)
        results = tuple(self._fetched(call, fetch.text_at("ServerId")) for fetch in fetches)
        response = Element("ItemOperations", "Response", results)
        return _reply(
            Element("ItemOperations", "ItemOperations", (_leaf("ItemOperations", "Status", 1), response))
        )

    def _fetched(self, call: Call, server_id: str) -> Element:
        message = self.mailbox(call.user).find(server_id)
        found = [
            _leaf("ItemOperations", "Status", 1 if message else 6),
            _leaf("AirSync", "ServerId", server_id),
        ]
        if message:
            found.append(Element("ItemOperations", "Properties", self._syncs.properties(message)))
        return Element("ItemOperations", "Fetch", tuple(found))

    def _send_mail(self, call: Call) -> Reply:
        """Every mail comes back to its sender's own inbox: the simulated world has no other post office."""
        mime = call.body
        save = False
        if call.document:
            part = call.document.first("Mime")
            mime = (part.opaque or (part.text or "").encode()) if part else b""
            save = call.document.first("SaveInSentItems") is not None
        if not mime:
            return _status(call, 107)
        message = email.message_from_bytes(mime, policy=email.policy.default)
        text = message.get_body(("plain",))
        body = str(text.get_content()) if text else ""
        mailbox = self.mailbox(call.user)
        for folder in (INBOX, SENT_ITEMS) if save else (INBOX,):
            mailbox.deliver(str(message["Subject"] or ""), body, sender=mailbox.address, folder=folder)
        return Reply(200)


def _with_document(call: Call) -> Call:
    raw_mail = call.command is Command.SEND_MAIL and call.version < 14  # MIME itself until 12.1
    if raw_mail or not call.body:
        return call
    document = decode(call.body, max_bytes=MAX_WBXML_BYTES, max_elements=MAX_ELEMENTS)
    if (document.page, document.name) != _ROOTS[call.command]:
        raise MalformedMessage("activesync", "document", f"{document.name} is not {call.command}")
    return Call(call.user, call.device_id, call.command, call.version, call.policy_key, call.body, document)


def _folder_sync(call: Call) -> Reply:
    key = call.document.text_at("SyncKey") if call.document else ""
    if key not in ("0", "1"):
        return _status(call, 9 if key else 10)
    page = "FolderHierarchy"
    folders = FOLDERS if key == "0" else ()
    added = tuple(
        Element(
            page,
            "Add",
            (
                _leaf(page, "ServerId", folder.server_id),
                _leaf(page, "ParentId", 0),
                _leaf(page, "DisplayName", folder.name),
                _leaf(page, "Type", folder.kind),
            ),
        )
        for folder in folders
    )
    changes = Element(page, "Changes", (_leaf(page, "Count", len(folders)), *added))
    return _reply(Element(page, "FolderSync", (_leaf(page, "Status", 1), _leaf(page, "SyncKey", 1), changes)))


def _device_information_stored(call: Call) -> tuple[Element, ...]:
    """The acknowledgement of DeviceInformation where the request carries it."""
    if not call.document or not call.document.first("DeviceInformation", "Set"):
        return ()
    return (Element("Settings", "DeviceInformation", (_leaf("Settings", "Status", 1),)),)


def _provisioned(*parts: Element, before: tuple[Element, ...] = ()) -> Element:
    kind = _leaf("Provision", "PolicyType", "MS-EAS-Provisioning-WBXML")
    policies = Element("Provision", "Policies", (Element("Provision", "Policy", (kind, *parts)),))
    return Element("Provision", "Provision", (*before, _leaf("Provision", "Status", 1), policies))


def _status(call: Call, status: int) -> Reply:
    page, name = _ROOTS[call.command]
    return _reply(Element(page, name, (_leaf(page, "Status", status),)))


def _reply(document: Element) -> Reply:
    return Reply(200, encode(document), WBXML_TYPE)


def _leaf(page: str, name: str, value: str | int) -> Element:
    return Element(page, name, text=str(value))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
