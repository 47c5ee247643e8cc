"""The short answer to a command: its document element and a Status, nothing else.

Since version 14.0 a server refuses in the body: whatever is common to all commands (blocked, wipe, provision first)
stands in the same Status that says success. Older versions get an HTTP status instead.

Source: MS-ASCMD 2.2.2, 2.2.3.177; MS-ASPROV 2.2.2.54.
"""

from __future__ import annotations

from enum import IntEnum

from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

MAX_STATUS = 0xFFFF
MAX_ANSWER_BYTES = 256 * 1024


class CommonStatus(IntEnum):
    """The values that mean the same in every command, as far as a gateway says them. Source: MS-ASCMD 2.2.2."""

    INVALID_CONTENT = 101
    INVALID_WBXML = 102
    INVALID_XML = 103
    SERVER_ERROR = 110
    SERVER_ERROR_RETRY_LATER = 111
    USER_DISABLED_FOR_SYNC = 126
    DEVICE_IS_BLOCKED_FOR_THIS_USER = 129
    ACCESS_DENIED = 130
    ACCOUNT_DISABLED = 131
    DEVICE_NOT_FULLY_PROVISIONABLE = 139
    REMOTE_WIPE_REQUESTED = 140
    LEGACY_DEVICE_ON_STRICT_POLICY = 141
    DEVICE_NOT_PROVISIONED = 142
    POLICY_REFRESH = 143
    INVALID_POLICY_KEY = 144
    EXTERNALLY_MANAGED_DEVICES_NOT_ALLOWED = 145
    DEVICE_INFORMATION_REQUIRED = 165
    MAXIMUM_DEVICES_REACHED = 177


# Code page and elements down to the Status, by command. MeetingResponse alone has none at its top: its schema wants a
# Result around it, and the status is global all the same (MS-ASCMD 2.2.3.177.9).
_PATH_BY_COMMAND = {
    Command.SYNC: ("AirSync", "Sync"),
    Command.SEND_MAIL: ("ComposeMail", "SendMail"),
    Command.SMART_FORWARD: ("ComposeMail", "SmartForward"),
    Command.SMART_REPLY: ("ComposeMail", "SmartReply"),
    Command.FOLDER_SYNC: ("FolderHierarchy", "FolderSync"),
    Command.FOLDER_CREATE: ("FolderHierarchy", "FolderCreate"),
    Command.FOLDER_DELETE: ("FolderHierarchy", "FolderDelete"),
    Command.FOLDER_UPDATE: ("FolderHierarchy", "FolderUpdate"),
    Command.MOVE_ITEMS: ("Move", "MoveItems"),
    Command.GET_ITEM_ESTIMATE: ("GetItemEstimate", "GetItemEstimate"),
    Command.MEETING_RESPONSE: ("MeetingResponse", "MeetingResponse", "Result"),
    Command.SEARCH: ("Search", "Search"),
    Command.SETTINGS: ("Settings", "Settings"),
    Command.PING: ("Ping", "Ping"),
    Command.ITEM_OPERATIONS: ("ItemOperations", "ItemOperations"),
    Command.PROVISION: ("Provision", "Provision"),
    Command.RESOLVE_RECIPIENTS: ("ResolveRecipients", "ResolveRecipients"),
    Command.VALIDATE_CERT: ("ValidateCert", "ValidateCert"),
    Command.FIND: ("Find", "Find"),
}


def has_status(command: Command) -> bool:
    """Whether the command's answer can carry a Status: not OPTIONS, GetAttachment and the four that 14.0 dropped."""
    return command in _PATH_BY_COMMAND


def encode_status_answer(command: Command, status: int) -> bytes:
    """The answer that says `status` and nothing else.

    Raises: ValueError for a command without a Status (ask `has_status`), and for a status outside 1-65535.
    """
    if not has_status(command):
        raise ValueError(f"an answer to {command} carries no Status")
    if not 1 <= status <= MAX_STATUS:
        raise ValueError(f"Status {status} is outside 1-{MAX_STATUS}")
    page, *path = _PATH_BY_COMMAND[command]
    answer = leaf(page, "Status", int(status))
    for name in reversed(path):
        answer = Element(page, name, (answer,))
    return encode(answer)


def parse_status_answer(command: Command, body: bytes) -> int | None:
    """The Status of a server's answer to `command`; None where it carries none at that place.

    Raises: MalformedMessage, also for another command's answer. ValueError for a command without a Status.
    """
    if not has_status(command):
        raise ValueError(f"an answer to {command} carries no Status")
    page, root, *inner = _PATH_BY_COMMAND[command]
    document = decode(body, max_bytes=MAX_ANSWER_BYTES)
    if (document.page, document.name) != (page, root):
        raise MalformedMessage("activesync", root, "another command's answer", "MS-ASCMD 2.2.1")
    return document.number_at(*inner, "Status", largest=MAX_STATUS)
