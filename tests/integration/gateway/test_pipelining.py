"""A client that sends requests ahead and does not read their answers: it waits, and our memory stays as it was."""

from __future__ import annotations

import asyncio
import socket

from tests.fakes.gateway_peers import Gateway, RawBackend, request_bytes

ANSWER = b"x" * 16_000
AHEAD = 900
BOUND = 512 * 1024
"""The high-water mark of a connection (256 KiB) and the answers that were under way when it was reached."""


async def test_answers_nobody_reads_do_not_pile_up():
    asked = 0

    async def handler(peer):
        nonlocal asked
        while True:
            await peer.read_request()
            asked += 1
            await peer.answer(ANSWER)

    async with RawBackend(handler) as backend, Gateway(backend.url) as gateway:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            client.connect(("127.0.0.1", gateway.port))
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            sending = loop.create_task(loop.sock_sendall(client, request_bytes(body=b"") * AHEAD))
            connection = await _when_full(gateway)
            largest = 0
            for _ in range(20):
                await asyncio.sleep(0.02)
                largest = max(largest, connection.transport.get_write_buffer_size())
            assert largest <= BOUND
            assert asked < AHEAD, "nothing is asked behind for answers nobody takes"
            assert await _read_all(loop, client) == AHEAD
            await sending


async def _when_full(gateway):
    """The gateway's side of the connection, once the client's answers no longer go out."""
    async with asyncio.timeout(10):
        while True:
            for connection in gateway.worker.state.connections:
                if connection.transport is not None and not connection._is_writable:
                    return connection
            await asyncio.sleep(0.01)


async def _read_all(loop, client):
    """How many answers come once the client reads."""
    begin, tail, answers = b"HTTP/1.1 200", b"", 0
    async with asyncio.timeout(30):
        while answers < AHEAD:
            data = await loop.sock_recv(client, 65536)
            if not data:
                break
            answers += (tail + data).count(begin)
            tail = (tail + data)[1 - len(begin) :]
    return answers
