"""The body of a request as it arrives: counted or chunked, never held."""

from __future__ import annotations

from handfast.protocols.http1.chunked import ChunkedDecoder
from handfast.protocols.http1.framing import Chunked, ContentLength, RequestFraming


class BodyReader:
    """Eats what follows a head; `rest` holds what belongs to the next request once `is_done`.

    `received` is what of a counted body needs no reading any more.
    """

    __slots__ = ("_decoder", "_left", "is_done", "received", "rest")

    def __init__(self, framing: RequestFraming, received: int = 0) -> None:
        self._decoder = ChunkedDecoder() if isinstance(framing, Chunked) else None
        self._left = framing.length - received if isinstance(framing, ContentLength) else 0
        self.is_done = self._decoder is None and not self._left
        self.received = received
        self.rest = b""

    @property
    def bytes_left(self) -> int | None:
        """How much is still to come; None where nobody can know."""
        return None if self._decoder is not None and not self.is_done else self._left

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of the body in `data`. Raises: MalformedMessage (chunked only)."""
        if self._decoder is not None:
            pieces = self._decoder.feed(data)
            self.received += sum(map(len, pieces))
            if self._decoder.is_done:
                self.is_done = True
                self.rest, self._decoder = self._decoder.rest, None
            return pieces
        size = len(data)
        if size <= self._left:
            pieces = [data]
        else:
            pieces, self.rest = [data[: self._left]], data[self._left :]
            size = self._left
        self._left -= size
        self.received += size
        self.is_done = not self._left
        return pieces
