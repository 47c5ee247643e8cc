"""What a client's connection is at, and why it may not be read."""

from __future__ import annotations

from enum import IntEnum


class Phase(IntEnum):
    """What the connection does."""

    HEAD = 0
    EXCHANGE = 1
    DRAIN = 2
    LINGER = 3
    CLOSED = 4


class PauseFor(IntEnum):
    """Why the client is not read; bits."""

    INBOX = 1
    BACKEND = 2
    DECISION = 4
