"""One e-mail as each protocol version wants it inside Sync.

Version 2.5 has the body among the Email elements; from 12.0 it is an AirSyncBase Body; from 14.0 a message belongs to a
conversation; from 16.0 it says whether it is a draft.

Source: MS-ASEMAIL 2.2.2; MS-ASAIRS 2.2.2.9; MS-ASCON 2.2.2.3-4; MS-ASDTYPE 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handfast.protocols.activesync.element import Element, leaf

VERSIONS = ("2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1")
MAX_SUBJECT_CHARACTERS = 255
MAX_ADDRESS_CHARACTERS = 320
MAX_TEXT_CHARACTERS = 32 * 1024

_PLAIN_TEXT = 1
_UTF8_CODE_PAGE = 65001
_CONVERSATION_ID = b"handfast notice."  # any 16 bytes: the only conversation there is
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Notice:
    """The message: plain text of at most 32,768 characters, lines ended as one likes.

    `sender` and `recipient` are addresses as they stand in a header, `received` is an aware datetime.
    Raises: ValueError where something is too long, empty, or holds a control character a line may not.
    """

    subject: str
    text: str
    sender: str
    recipient: str
    received: datetime

    def __post_init__(self) -> None:
        limits = {
            "subject": MAX_SUBJECT_CHARACTERS,
            "sender": MAX_ADDRESS_CHARACTERS,
            "recipient": MAX_ADDRESS_CHARACTERS,
        }
        for name, limit in limits.items():
            value = getattr(self, name)
            if not 1 <= len(value) <= limit or not value.isprintable():
                raise ValueError(f"{name} is not of 1-{limit} printable characters")
        if len(self.text) > MAX_TEXT_CHARACTERS or "\x00" in self.text:
            raise ValueError(f"text is longer than {MAX_TEXT_CHARACTERS} characters or holds NUL")
        if self.received.tzinfo is None:
            raise ValueError("received has no time zone")


def supports(version: str, since: str) -> bool:
    """Whether `version` is `since` or later. Raises: ValueError for a version that does not exist."""
    return VERSIONS.index(version) >= VERSIONS.index(since)


def application_data(notice: Notice, version: str) -> Element:
    """The ApplicationData of the unread message. Raises: ValueError for a version that does not exist."""
    said = [*_header(notice), *_body(notice, version)]
    if supports(version, "14.0"):
        said.append(Element("Email2", "ConversationId", opaque=_CONVERSATION_ID))
        said.append(Element("Email2", "ConversationIndex", opaque=_conversation_index(notice.received)))
    if supports(version, "16.0"):
        said.append(leaf("Email2", "IsDraft", 0))
    return Element("AirSync", "ApplicationData", tuple(said))


def _header(notice: Notice) -> list[Element]:
    received = notice.received.astimezone(UTC)
    values = (
        ("To", notice.recipient),
        ("From", notice.sender),
        ("Subject", notice.subject),
        ("DateReceived", received.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
        ("DisplayTo", notice.recipient),
        ("ThreadTopic", notice.subject),
        ("Importance", 1),
        ("Read", 0),
        ("MessageClass", "IPM.Note"),
        ("InternetCPID", _UTF8_CODE_PAGE),
    )
    return [leaf("Email", tag, value) for tag, value in values]


def _body(notice: Notice, version: str) -> list[Element]:
    text = "\r\n".join(notice.text.splitlines())
    size = len(text.encode())
    if not supports(version, "12.0"):
        old_parts = (("BodyTruncated", 0), ("BodySize", size), ("Body", text))
        return [leaf("Email", tag, value) for tag, value in old_parts]
    parts = (("Type", _PLAIN_TEXT), ("EstimatedDataSize", size), ("Truncated", 0), ("Data", text))
    return [
        leaf("Email", "ContentClass", "urn:content-classes:message"),
        Element("AirSyncBase", "Body", tuple(leaf("AirSyncBase", tag, value) for tag, value in parts)),
        leaf("AirSyncBase", "NativeBodyType", _PLAIN_TEXT),
    ]


def _conversation_index(received: datetime) -> bytes:
    """The index of a conversation's first message: bits 16-55 of its FILETIME. Source: MS-ASCON 2.2.2.4."""
    filetime = (received - _FILETIME_EPOCH) // timedelta(microseconds=1) * 10
    return (filetime >> 16 & 0xFF_FFFF_FFFF).to_bytes(5, "big")
