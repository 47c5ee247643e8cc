"""The revocation streams of all connected gateways: replay, what is published, and a heartbeat each second.

A heartbeat says "everything up to this epoch was sent to you", and is sent only after the records were read: an identity
that can't read its records falls silent, and its gateways stop trusting their grants. Nothing is left out to save a
duplicate: revoking twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from handfast.decision.ports import RevocationBatch
from handfast.identity.ports import Records, RevocationPublisher, Unavailable
from handfast.identity.records import Revocation
from handfast.identity_api.fields import encode_object
from handfast.identity_api.http_server import HttpConnection
from handfast.identity_api.revocation_codec import encode_batch
from handfast.observability.logging import event_log

HEARTBEAT_SECONDS = 1.0
MAX_REPLAY = 1000
"""A gateway that missed more is told to revalidate everything, which costs it less."""

_LOG = event_log("identity-api")


@dataclass(slots=True)
class _Stream:
    """One gateway's stream: `delivered` is the newest epoch it was told of; `held` waits for the replay before it."""

    delivered: int = 0
    is_replaying: bool = True
    held: list[Revocation] = field(default_factory=list)


class RevocationFeed:
    """Streams by connection. `each_second` runs before each heartbeat; what it raises silences the heartbeat."""

    def __init__(
        self,
        records: Records,
        publisher: RevocationPublisher,
        *,
        on_published: Callable[[Sequence[Revocation]], None],
        each_second: Callable[[], Awaitable[None]],
    ) -> None:
        self._records = records
        self._publisher = publisher
        self._on_published = on_published
        self._each_second = each_second
        self._streams: dict[HttpConnection, _Stream] = {}
        self._heart: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Listens to the publisher and begins to beat; once."""
        if self._heart is None:
            self._unsubscribe = self._publisher.subscribe(self._published)
            self._heart = asyncio.get_running_loop().create_task(self._beat())

    async def stop(self) -> None:
        """Ends the beat; open streams are their connections' to close."""
        self._unsubscribe()
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)

    async def open(self, connection: HttpConnection, after_epoch: int) -> None:
        """Makes the connection a stream, from `after_epoch` on. Raises: Unavailable, before anything is sent."""
        stream = self._streams[connection] = _Stream()
        try:
            batch = await self._replay(after_epoch)
        except BaseException:
            self._streams.pop(connection, None)
            raise
        connection.start_stream()
        self._send(connection, stream, batch)
        stream.is_replaying = False
        if stream.held:
            self._send(connection, stream, _batch(stream.delivered, stream.held))
            stream.held = []

    def drop(self, connection: HttpConnection) -> None:
        """The connection is gone."""
        self._streams.pop(connection, None)

    def resync(self) -> None:
        """Tells every gateway that what it was granted must be asked for again."""
        for connection, stream in list(self._streams.items()):
            if not stream.is_replaying:
                self._send(connection, stream, RevocationBatch(epoch=stream.delivered, resync=True))

    async def _replay(self, after_epoch: int) -> RevocationBatch:
        current, missed = await self._records.read(
            lambda records: (
                records.revocations.current_epoch(),
                tuple(records.revocations.since(after_epoch, limit=MAX_REPLAY + 1)),
            )
        )
        # An epoch from the future means that our records were restored from a backup.
        if after_epoch > current or len(missed) > MAX_REPLAY:
            return RevocationBatch(epoch=current, resync=True)
        return _batch(current, missed)

    def _published(self, revocations: Sequence[Revocation]) -> None:
        self._on_published(revocations)
        for connection, stream in list(self._streams.items()):
            if stream.is_replaying:
                stream.held.extend(revocations)
            else:
                self._send(connection, stream, _batch(stream.delivered, revocations))

    def _send(self, connection: HttpConnection, stream: _Stream, batch: RevocationBatch) -> None:
        stream.delivered = max(stream.delivered, batch.epoch)
        connection.write_line(encode_object(encode_batch(batch)))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self._each_second()
                await self._catch_up()
            except Unavailable as problem:
                _LOG.error("heartbeat-withheld", why=str(problem))
            except Exception as error:  # noqa: BLE001 - the heart must go on beating, or report why it does not
                _LOG.error("heartbeat-failed", error=repr(error))

    async def _catch_up(self) -> None:
        """Sends each stream what the publisher may have missed, or a bare heartbeat."""
        current = await self._records.read(lambda records: records.revocations.current_epoch())
        for connection, stream in list(self._streams.items()):
            if stream.is_replaying:
                continue
            behind = stream.delivered < current
            batch = await self._replay(stream.delivered) if behind else _batch(current, ())
            if behind:
                self._on_published(batch.revocations)
            self._send(connection, stream, batch)


def _batch(epoch: int, revocations: Sequence[Revocation]) -> RevocationBatch:
    newest = max((revocation.epoch for revocation in revocations), default=0)
    return RevocationBatch(epoch=max(epoch, newest), revocations=tuple(revocations))
