"""The listener counts whole envelopes, and says so where there are none to come."""

import asyncio
import time

import pytest

from benchmarks.notifications import encode_notification
from benchmarks.stream_load import Listener, Listeners

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_delays_are_those_of_whole_envelopes():
    listeners = Listeners(2)
    one, other = (Listener(listeners, b"") for _ in range(2))
    written = time.monotonic_ns()
    envelope = encode_notification(written)
    one.data_received(HEAD + envelope[:-5])
    assert not listeners.delays
    one.data_received(envelope[-5:])
    assert len(listeners.delays) == 1
    assert 0 < listeners.delays[0] <= time.monotonic_ns() - written
    one.data_received(envelope + envelope)
    assert len(listeners.delays) == 3
    assert not listeners.all_heard.done()
    other.data_received(HEAD + envelope)
    await listeners.wait(listeners.all_heard, 0)
    assert listeners.all_heard.done()


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda one: one.data_received(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "403 Forbidden"),
        (lambda one: one.connection_lost(None), "a stream ended"),
    ],
)
async def test_a_stream_that_is_none_fails_the_whole(end, why):
    listeners = Listeners(1)
    end(Listener(listeners, b""))
    with pytest.raises(RuntimeError, match=why):
        await listeners.wait(asyncio.get_running_loop().create_future(), 10)
