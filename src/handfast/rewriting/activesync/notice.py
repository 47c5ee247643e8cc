"""What a phone that waits (for approval, or in quarantine) is shown: an Inbox with one message, and nothing else.

Its owner reads there why, and whom to call. The gateway answers all of it by itself, from 14.0 on, and remembers
nothing between requests. Once the phone is let in, the server calls the keys it brings invalid, and it starts afresh.
"""

from __future__ import annotations

from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.notice_mailbox import (
    FULL_INBOX_KEY,
    encode_notice_folders,
    encode_notice_sync,
)
from handfast.protocols.activesync.notice_message import Notice
from handfast.protocols.activesync.provision_answer import (
    PolicyAnswer,
    ProvisionAnswer,
    encode_provision_answer,
)
from handfast.protocols.activesync.provision_request import WBXML_POLICY, parse_provision_request
from handfast.protocols.activesync.settings_answer import SettingsAnswer, encode_settings_answer
from handfast.protocols.activesync.status_answer import CommonStatus
from handfast.protocols.activesync.sync_keys import parse_folder_sync_key, parse_sync_collections
from handfast.protocols.activesync.wbxml import decode
from handfast.protocols.errors import MalformedMessage
from handfast.rewriting.activesync.answers import document, options_answer, status_document
from handfast.rewriting.activesync.asking import (
    MAX_BODY_ELEMENTS,
    Answer,
    NeedsBody,
    PhoneAnswer,
    PhoneRequest,
)

SUBJECT = "Your device is waiting to be let in"
MAX_HOLD_SECONDS = 240.0
"""What a waiting request waits at most: the owner of a phone that was approved sees it that much later."""

_SUCCESS = 1
_NO_CHANGES = 1
_NO_POLICY = 2
_PING_SECONDS = 60.0
"""A Ping without a heartbeat repeats its last one, which nobody here remembers."""
_ANSWERED = frozenset({Command.PROVISION, Command.SETTINGS, Command.FOLDER_SYNC, Command.SYNC, Command.PING})


def answer_waiting(request: PhoneRequest, message: str) -> Answer:
    """The answer of the mailbox with the one `message`; None where the command has none in it, or the version is old.

    OPTIONS is answered for any version: a phone asks that first, and names none.
    """
    command = request.known_command
    if command is Command.OPTIONS:
        return options_answer()
    if command not in _ANSWERED or not request.speaks("14.0"):
        return None
    if request.body is None and not request.is_too_long:
        return NeedsBody()
    if request.is_too_long:
        return status_document(request, CommonStatus.INVALID_CONTENT)
    try:
        return _answer(request, command, request.body or b"", message)
    except MalformedMessage:
        return status_document(request, CommonStatus.INVALID_WBXML)


def _answer(request: PhoneRequest, command: Command | None, body: bytes, message: str) -> PhoneAnswer:
    """Raises: MalformedMessage."""
    match command:
        case Command.PROVISION:
            return _provision(body)
        case Command.SETTINGS:
            return _settings(body)
        case Command.FOLDER_SYNC:
            return document(encode_notice_folders(parse_folder_sync_key(body)))
        case Command.SYNC:
            return _sync(request, body, message)
        case _:
            hold = _heartbeat(body) or _PING_SECONDS
            answer = status_document(request, _NO_CHANGES)
            return document(answer.body, hold_seconds=hold)


def _provision(body: bytes) -> PhoneAnswer:
    """There is no policy yet: the phone goes on without one, and will be asked anew by the server."""
    asked = parse_provision_request(body) if body else None
    told = asked is not None and asked.device_information is not None
    policy = PolicyAnswer(WBXML_POLICY, _NO_POLICY)
    answer = ProvisionAnswer(_SUCCESS, policy, device_information_status=_SUCCESS if told else None)
    return document(encode_provision_answer(answer))


def _settings(body: bytes) -> PhoneAnswer:
    told = decode(body, max_elements=MAX_BODY_ELEMENTS).first("DeviceInformation") is not None
    return document(encode_settings_answer(SettingsAnswer(_SUCCESS, _SUCCESS if told else None)))


def _sync(request: PhoneRequest, body: bytes, message: str) -> PhoneAnswer:
    """The message once; a phone that has it may wait for the next."""
    collections = parse_sync_collections(body)
    content = encode_notice_sync(collections, _notice(request, message), request.protocol_version)
    has_all = bool(collections) and all(one.sync_key == FULL_INBOX_KEY for one in collections)
    return document(content, hold_seconds=_heartbeat(body) if has_all else 0.0)


def _notice(request: PhoneRequest, message: str) -> Notice:
    recipient = request.login if request.login.isprintable() else ""
    return Notice(
        subject=SUBJECT,
        text=message.replace("\x00", ""),
        sender=f"postmaster@{request.host}"[:320] if request.host.isprintable() else "postmaster",
        recipient=recipient[:320] or "you",
        received=request.at,
    )


def _heartbeat(body: bytes) -> float:
    """How long the phone lets its Sync or Ping wait, up to our own limit; 0 where it doesn't. Raises: MalformedMessage.

    Source: MS-ASCMD 2.2.3.79 (HeartbeatInterval, seconds), 2.2.3.197 (Wait, minutes).
    """
    if not body:
        return 0.0
    asked = decode(body, max_elements=MAX_BODY_ELEMENTS)
    seconds = asked.number_at("HeartbeatInterval") or 60 * (asked.number_at("Wait") or 0)
    return min(float(seconds), MAX_HOLD_SECONDS)
