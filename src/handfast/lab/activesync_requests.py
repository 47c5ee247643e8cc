"""ActiveSync over HTTP: which command a request carries, from whom, and OPTIONS. Source: MS-ASHTTP 2.2."""

from __future__ import annotations

from handfast.lab.exchange_commands import Answer, Call, ExchangeCommands
from handfast.lab.http_message import Headers
from handfast.lab.mailbox import mailbox_name
from handfast.lab.reply import Reply
from handfast.protocols.activesync import ActiveSyncQuery, Command, parse_query
from handfast.protocols.errors import MalformedMessage

ACTIVESYNC_PATHS = frozenset({"/microsoft-server-activesync", "/microsoft-server-activesync/default.eas"})
VERSIONS = "2.5,12.0,12.1,14.0,14.1,16.0,16.1"
COMMANDS = (
    "Sync,SendMail,SmartForward,SmartReply,GetAttachment,GetHierarchy,CreateCollection,DeleteCollection,"
    "MoveCollection,FolderSync,FolderCreate,FolderDelete,FolderUpdate,MoveItems,GetItemEstimate,MeetingResponse,"
    "Search,Settings,Ping,ItemOperations,Provision,ResolveRecipients,ValidateCert,Find"
)
_DEFAULT_VERSION = 12.1
_CAPABILITIES = (
    ("Allow", "OPTIONS,POST"),
    ("Public", "OPTIONS,POST"),
    ("MS-Server-ActiveSync", "15.2"),
    ("MS-ASProtocolVersions", VERSIONS),
    ("MS-ASProtocolCommands", COMMANDS),
)


class ActiveSync:
    """The endpoint for phones."""

    def __init__(self, commands: ExchangeCommands) -> None:
        self._commands = commands

    def read(self, method: str, raw_query: str) -> tuple[ActiveSyncQuery | None, str]:
        """The query, or None and why it can't be read."""
        try:
            return parse_query(raw_query.encode("latin-1"), method=method), ""
        except MalformedMessage as error:
            return None, str(error)

    def answer(self, query: ActiveSyncQuery | None, user: str, headers: Headers, body: bytes) -> Answer:
        """At once, or a coroutine that hangs as Ping does."""
        if query is None or (query.requires_device and not query.device_id):
            return Reply(400)
        if query.command is Command.OPTIONS:
            return Reply(200, headers=_CAPABILITIES)
        return self._commands.answer(_call(query, user, headers, body))


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
