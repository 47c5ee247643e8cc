"""The answers themselves: a status line, a WBXML document, the list of what is spoken here."""

from __future__ import annotations

from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.notice_message import VERSIONS
from handfast.protocols.activesync.status_answer import encode_status_answer, has_status
from handfast.rewriting.activesync.asking import PhoneAnswer, PhoneRequest

CONTENT_TYPE = b"application/vnd.ms-sync.wbxml"
SERVER_VERSION = b"15.1"
"""Some clients take an answer without MS-Server-ActiveSync for another server's. Ours names no server behind us."""
PROVISION_FIRST = 449
"""Source: MS-ASHTTP 2.2.2.1.1 (status codes)."""

_COMMON = ((b"MS-Server-ActiveSync", SERVER_VERSION), (b"Cache-Control", b"private"))
_NOT_LISTED = frozenset({Command.OPTIONS, Command.FIND})
_COMMANDS = ",".join(command for command in Command if command not in _NOT_LISTED)


def status_line(status: int) -> PhoneAnswer:
    """An HTTP status with nothing to read."""
    return PhoneAnswer(status, _COMMON)


def document(content: bytes, *, hold_seconds: float = 0.0) -> PhoneAnswer:
    """200 with a WBXML document."""
    return PhoneAnswer(200, ((b"Content-Type", CONTENT_TYPE), *_COMMON), content, hold_seconds=hold_seconds)


def can_carry_status(request: PhoneRequest) -> bool:
    """True where the phone's version and command have a Status in the body for what concerns all commands."""
    command = request.known_command
    return request.speaks("14.0") and command is not None and has_status(command)


def status_document(request: PhoneRequest, status: int) -> PhoneAnswer:
    """The command's answer with that Status; only where `can_carry_status`."""
    command = request.known_command
    assert command is not None
    return document(encode_status_answer(command, status))


def options_answer() -> PhoneAnswer:
    """What OPTIONS is told where no server may be asked. Source: MS-ASHTTP 2.2.3, 2.2.4.1.2."""
    headers = (
        *_COMMON,
        (b"Allow", b"OPTIONS,POST"),
        (b"Public", b"OPTIONS,POST"),
        (b"MS-ASProtocolVersions", ",".join(VERSIONS).encode("ascii")),
        (b"MS-ASProtocolCommands", _COMMANDS.encode("ascii")),
    )
    return PhoneAnswer(200, headers)
