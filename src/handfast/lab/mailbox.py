"""Mailboxes in memory: folders, messages, and waiting for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

INBOX = "1"
SENT_ITEMS = "2"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as FolderSync shows it. `kind` is the Type element. Source: MS-ASCMD 2.2.3.186.3."""

    server_id: str
    name: str
    kind: int


FOLDERS = (
    Folder(INBOX, "Inbox", 2),
    Folder(SENT_ITEMS, "Sent Items", 5),
    Folder("3", "Drafts", 3),
    Folder("4", "Deleted Items", 4),
    Folder("5", "Calendar", 8),
    Folder("6", "Contacts", 9),
)


_PIECE_BYTES = 48 * 1024  # a multiple of three, so that Base64 of the pieces is Base64 of the whole


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on a mail, `size` bytes of a pattern: a big one takes no memory until somebody wants it whole."""

    name: str
    size: int
    content_type: str = "application/octet-stream"

    def pieces(self) -> Iterator[bytes]:
        """The content, bit by bit."""
        pattern = bytes(range(256)) * (_PIECE_BYTES // 256)
        for start in range(0, self.size, _PIECE_BYTES):
            yield pattern[: self.size - start]

    def content(self) -> bytes:
        """The whole content."""
        return b"".join(self.pieces())


@dataclass(slots=True)
class Message:
    """One mail; `number` rises within its mailbox and makes its server id `folder:number`."""

    number: int
    folder: str
    sender: str
    recipient: str
    subject: str
    body: str
    received_at: datetime
    read: bool = False
    attachments: tuple[Attachment, ...] = ()

    @property
    def server_id(self) -> str:
        """The id under which ActiveSync knows it."""
        return f"{self.folder}:{self.number}"


@dataclass(slots=True)
class Mailbox:
    """One user's mail. Belongs to the event loop it is used in."""

    address: str
    messages: list[Message] = field(default_factory=list)
    _last_number: int = 0
    _arrival: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(
        self,
        subject: str,
        body: str,
        *,
        sender: str,
        folder: str = INBOX,
        attachments: tuple[Attachment, ...] = (),
    ) -> Message:
        """Adds a mail and wakes whoever waits."""
        self._last_number += 1
        now = datetime.now(UTC)
        message = Message(self._last_number, folder, sender, self.address, subject, body, now)
        message.attachments = attachments
        self.messages.append(message)
        self._arrival.set()
        self._arrival = asyncio.Event()
        return message

    def newer_than(self, folder: str, number: int) -> list[Message]:
        """The messages of a folder after `number`, oldest first."""
        return [message for message in self.messages if message.folder == folder and message.number > number]

    def find(self, server_id: str) -> Message | None:
        """The message of that id, None without one."""
        return next((message for message in self.messages if message.server_id == server_id), None)

    def newest(self) -> int:
        """The number of the latest message ever, 0 before the first."""
        return self._last_number

    async def wait_until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Whether `happened` became true within `seconds`; it is asked again after each arrival."""
        try:
            async with asyncio.timeout(seconds):
                while not happened():
                    await self._arrival.wait()
        except TimeoutError:
            return False
        return True


def mailbox_name(login: str) -> str:
    """The mailbox of a login: `CORP\\Alice`, `alice@corp.example` and `alice` are one, without case."""
    return login.rpartition("\\")[2].partition("@")[0].casefold()
