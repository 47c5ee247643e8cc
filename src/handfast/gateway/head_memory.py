"""What a connection's last request head said, for as long as the connection is busy with heads of the same bytes.

Clients repeat themselves to the byte: a phone that asks for one folder after the other, or polls again and again. A
head is kept from its second time on and forgotten when it does not come back within seconds, so that a connection
which waits holds nothing.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from handfast.gateway.wheel import NEVER, TimerWheel
from handfast.protocols.http1.fields import connection_options
from handfast.protocols.http1.framing import RequestFraming, request_body_framing
from handfast.protocols.http1.head import RequestHead

KEPT_SECONDS = 2.0


class UnderstoodHead(NamedTuple):
    """A head, how its body is framed, and the options of its Connection fields."""

    head: RequestHead
    framing: RequestFraming
    options: frozenset[bytes]


def understand(head: RequestHead) -> UnderstoodHead:
    """Raises: MalformedMessage where nobody can know where the request ends."""
    return UnderstoodHead(head, request_body_framing(head), connection_options(head.all(b"connection")))


class HeadMemory:
    """One connection's last head. The bytes hold a credential, so they are compared in constant time."""

    __slots__ = ("_data", "_is_used", "_last", "_understood", "_wheel", "deadline", "wheel_slot")

    def __init__(self, wheel: TimerWheel) -> None:
        self._wheel = wheel
        self._data = b""
        self._last = 0
        self._is_used = False
        self._understood: UnderstoodHead | None = None
        self.deadline = NEVER
        self.wheel_slot = 0

    def find(self, data: bytes) -> UnderstoodHead | None:
        """What the same bytes said the last time, or None."""
        if self._understood is None or not hmac.compare_digest(data, self._data):
            return None
        self._is_used = True
        return self._understood

    def keep(self, data: bytes, understood: UnderstoodHead, now: float) -> None:
        """Remembers a head that came twice in a row."""
        last, self._last = self._last, hash(data)
        if last != self._last:
            self.forget()
            return
        self._data, self._understood, self._is_used = data, understood, True
        self._wheel.watch(self, now + KEPT_SECONDS)

    def forget(self) -> None:
        """Holds nothing any more."""
        self._data, self._understood = b"", None
        self.deadline = NEVER

    def on_deadline(self, now: float) -> None:
        """Some seconds have passed: what was not asked for in them goes."""
        if self._is_used:
            self._is_used = False
            self._wheel.watch(self, now + KEPT_SECONDS)
        else:
            self.forget()
