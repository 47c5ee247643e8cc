"""Back ends that close after each answer without announcing it, as SOGo does: requests aren't lost on their connections."""

from __future__ import annotations

from tests.fakes.gateway_peers import HOST, Gateway, RawBackend, until


def backends_of(gateway):
    """The servers as the worker knows them."""
    (listener,) = gateway.worker.state.model.listeners.values()
    return listener.router.find_app(HOST.encode()).pool.backends


async def answer_and_close(peer):
    await peer.read_request()
    await peer.answer(b"ok")


async def test_after_three_early_closes_no_connection_is_kept():
    async with RawBackend(answer_and_close) as backend, Gateway(backend.url) as gateway:
        (server,) = backends_of(gateway)
        for closes in (1, 2, 3):
            client = await gateway.client()
            assert (await client.ask()).status == 200
            await until(lambda closes=closes: server.early_closes == closes)
        client = await gateway.client()
        for number in range(30):
            assert (await client.ask(body=b"%d" % number)).status == 200
        assert server.early_closes == 3
        assert len(backend.seen) == 33


async def test_with_idle_seconds_0_each_connection_serves_one_request():
    async with RawBackend() as backend, Gateway(backend.url, backend={"idle_seconds": 0}) as gateway:
        client = await gateway.client()
        for _ in range(5):
            assert (await client.ask()).status == 200
        assert len(backend.seen) == 5


async def test_a_server_that_keeps_its_connections_is_not_mistaken():
    async def close_the_second_time(peer):
        for _ in range(2):
            await peer.read_request()
            await peer.answer(b"ok")

    async with RawBackend(close_the_second_time) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        for _ in range(5):
            for _ in range(2):
                assert (await client.ask()).status == 200
            await until(lambda: gateway.idle_behind == 0)
        assert len(backend.seen) == 5
