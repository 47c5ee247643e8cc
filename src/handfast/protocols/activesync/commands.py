"""The closed set of ActiveSync commands, and the protocol versions the Base64 query can name."""

from __future__ import annotations

from enum import StrEnum


class Command(StrEnum):
    """A command, in the spelling of MS-ASCMD. OPTIONS is the HTTP method where it stands for a command.

    GET_HIERARCHY and the three COLLECTION commands belong to protocol versions up to 12.1; Exchange still lists them
    in MS-ASProtocolCommands. Source: MS-ASHTTP 2.2.1.1.1.2.1, 2.2.4.1.2.1.
    """

    OPTIONS = "OPTIONS"
    SYNC = "Sync"
    SEND_MAIL = "SendMail"
    SMART_FORWARD = "SmartForward"
    SMART_REPLY = "SmartReply"
    GET_ATTACHMENT = "GetAttachment"
    GET_HIERARCHY = "GetHierarchy"
    CREATE_COLLECTION = "CreateCollection"
    DELETE_COLLECTION = "DeleteCollection"
    MOVE_COLLECTION = "MoveCollection"
    FOLDER_SYNC = "FolderSync"
    FOLDER_CREATE = "FolderCreate"
    FOLDER_DELETE = "FolderDelete"
    FOLDER_UPDATE = "FolderUpdate"
    MOVE_ITEMS = "MoveItems"
    GET_ITEM_ESTIMATE = "GetItemEstimate"
    MEETING_RESPONSE = "MeetingResponse"
    SEARCH = "Search"
    SETTINGS = "Settings"
    PING = "Ping"
    ITEM_OPERATIONS = "ItemOperations"
    PROVISION = "Provision"
    RESOLVE_RECIPIENTS = "ResolveRecipients"
    VALIDATE_CERT = "ValidateCert"
    FIND = "Find"


COMMAND_BY_FOLDED_NAME = {command.lower(): command for command in Command}

# Source: MS-ASHTTP 2.2.1.1.1.1.2. Codes 5-8 are not assigned there (any more).
COMMAND_BY_CODE = {
    0: Command.SYNC,
    1: Command.SEND_MAIL,
    2: Command.SMART_FORWARD,
    3: Command.SMART_REPLY,
    4: Command.GET_ATTACHMENT,
    9: Command.FOLDER_SYNC,
    10: Command.FOLDER_CREATE,
    11: Command.FOLDER_DELETE,
    12: Command.FOLDER_UPDATE,
    13: Command.MOVE_ITEMS,
    14: Command.GET_ITEM_ESTIMATE,
    15: Command.MEETING_RESPONSE,
    16: Command.SEARCH,
    17: Command.SETTINGS,
    18: Command.PING,
    19: Command.ITEM_OPERATIONS,
    20: Command.PROVISION,
    21: Command.RESOLVE_RECIPIENTS,
    22: Command.VALIDATE_CERT,
    23: Command.FIND,
}
CODE_BY_COMMAND = {command: code for code, command in COMMAND_BY_CODE.items()}

# Source: MS-ASHTTP 2.2.1.1.1.1; the byte is the version times ten, and the form begins with 12.1.
VERSION_BY_CODE = {121: "12.1", 140: "14.0", 141: "14.1", 160: "16.0", 161: "16.1"}
CODE_BY_VERSION = {version: code for code, version in VERSION_BY_CODE.items()}
