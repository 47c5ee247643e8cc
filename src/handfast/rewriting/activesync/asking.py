"""What a host gives and gets where the gateway answers a phone itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from handfast.decision.ports import WipeReport
from handfast.protocols.activesync.commands import COMMAND_BY_FOLDED_NAME, Command
from handfast.protocols.activesync.notice_message import VERSIONS, supports

MAX_BODY_BYTES = 16 * 1024
"""Of a refused request whose body decides its answer: Provision, Settings, FolderSync, Sync and Ping are far smaller."""
MAX_BODY_ELEMENTS = 1000
"""Of the same. A Sync of sixty folders fits; more would cost a worker's loop milliseconds for nobody who may pass."""

START_OF_TIME = datetime(2020, 1, 1, tzinfo=UTC)
"""The date of a message nobody dated: phones show something, and none takes it for the future."""


@dataclass(frozen=True, slots=True)
class PhoneRequest:
    """A refused request of a phone.

    `command` is the channel's verb ("OPTIONS" for that method), `protocol_version` as claimed ("" where the phone named
    none). `body` is None until it was asked for; `is_too_long` says why it still is. `at` is when the request came
    (aware), `host` the published name, `login` the name as sent: they date and address what the phone is shown.
    """

    command: str
    protocol_version: str = ""
    body: bytes | None = field(default=None, repr=False)
    is_too_long: bool = False
    at: datetime = START_OF_TIME
    host: str = ""
    login: str = ""

    @property
    def known_command(self) -> Command | None:
        """The command, where it is one."""
        return COMMAND_BY_FOLDED_NAME.get(self.command.lower())

    def speaks(self, since: str) -> bool:
        """True where the phone's version is known and at least `since`."""
        return self.protocol_version in VERSIONS and supports(self.protocol_version, since)


@dataclass(frozen=True, slots=True)
class PhoneAnswer:
    """A finished answer without framing, in the shape of `replies.http.Reply`.

    `hold_seconds` is how long it waits before it leaves: a Ping that came back at once would be sent again at once.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    close: bool = False
    hold_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NeedsBody:
    """Ask again with the request's body, if it has at most `max_bytes`."""

    max_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class WipeStep:
    """Report first, then answer: what the phone is told is on record before it hears it."""

    report: WipeReport
    answer: PhoneAnswer


Answer = PhoneAnswer | NeedsBody | WipeStep | None
