"""Reading whole pieces, and noticing that the peer has gone."""

import asyncio

import pytest

from handfast.lab.wire import Wire


class NoWriter:
    def is_closing(self):
        return False


def wire():
    reader = asyncio.StreamReader()
    return reader, Wire(reader, NoWriter())


async def test_pieces_by_separator_by_length_and_the_rest():
    reader, wired = wire()
    reader.feed_data(b"one\r\ntwo345rest")
    reader.feed_eof()
    assert await wired.until(b"\r\n", 100) == b"one"
    assert await wired.exactly(3) == b"two"
    assert await wired.exactly(3) == b"345"
    assert await wired.rest(100) == b"rest"
    assert wired.is_closed


async def test_ends_and_limits():
    reader, wired = wire()
    reader.feed_data(b"x" * 20)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        await wired.until(b"\n", 10)
    reader.feed_eof()
    with pytest.raises(EOFError):
        await wired.exactly(21)
    with pytest.raises(EOFError):
        await wired.until(b"\n", 100)
    assert not wired.is_closed, "there is still something to read"


async def test_the_rest_is_bounded():
    reader, wired = wire()
    reader.feed_data(b"x" * 20)
    reader.feed_eof()
    with pytest.raises(ValueError, match="more than 10"):
        await wired.rest(10)


async def test_closed_returns_when_the_peer_closes_and_loses_nothing():
    reader, wired = wire()
    closed = asyncio.ensure_future(wired.closed())
    reader.feed_data(b"next request")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not closed.done()
    reader.feed_eof()
    await closed
    assert await wired.exactly(12) == b"next request"


async def test_closed_may_be_given_up_without_loss():
    reader, wired = wire()
    closed = asyncio.ensure_future(wired.closed())
    await asyncio.sleep(0)
    reader.feed_data(b"abc")
    closed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closed
    assert await wired.exactly(3) == b"abc"


async def test_closed_stops_reading_from_a_peer_that_talks_on():
    reader, wired = wire()
    reader.feed_data(b"x" * 200_000)
    closed = asyncio.ensure_future(wired.closed())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not closed.done()
    closed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closed
    assert await wired.exactly(200_000) == b"x" * 200_000
