"""Requests that are looked at whole: nothing of them goes behind before that, and then what the inspector says."""

from __future__ import annotations

import asyncio

import pytest

from handfast.decision.reasons import Reason
from tests.fakes.gateway_peers import BackendPeer, FakeIdentity, RawBackend, request_bytes, until
from tests.fakes.transforming import POX, ExchangeGateway, FakeInspector, FakeRewriter

XML = "Content-Type: text/xml\r\n"


def ask(body: bytes | None = b"a body", extra: str = XML, **more) -> bytes:
    return request_bytes(target=POX, body=body, extra=extra, **more)


async def test_it_goes_behind_as_it_came():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask())
        assert (await client.read_answer()).body == b"alice:a body"
        request, principal = gateway.inspector.seen[0]
        assert (request.method, request.path, request.body) == (b"POST", POX, b"a body")
        assert request.content_type == b"text/xml"
        assert "alice" in principal.logins


async def test_the_inspectors_body_goes_behind_in_its_place():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask(b"change"))
        assert (await client.read_answer()).body == b"alice:another body"
        head = backend.heads[0].lower()
        assert head.count(b"content-type: ") == 1
        assert b"content-type: text/other\r\n" in head
        assert b"content-length: 12\r\n" in head


@pytest.mark.parametrize("step", [1, 3])
async def test_nothing_is_sent_before_the_body_is_whole(step):
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        data = ask(b"please change it")
        client = await gateway.client(before=data[: -len(b"please change it")])
        await until(lambda: bool(gateway.identity.asked))
        for byte in (b"please change i"[at : at + step] for at in range(0, 15, step)):
            await client.send(byte)
            await asyncio.sleep(0.002)
        assert backend.heads == []
        await client.send(b"t")
        assert (await client.read_answer()).body == b"alice:another body"


async def test_a_chunked_body_is_sent_on_with_its_length():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask(None, XML + "Transfer-Encoding: chunked\r\n"))
        await client.send(b"3\r\na b\r\n3\r\nody\r\n0\r\n\r\n")
        assert (await client.read_answer()).body == b"alice:a body"
        assert b"Content-Length: 6\r\n" in backend.heads[0]
        assert b"transfer-encoding" not in backend.heads[0].lower()


async def test_a_refused_one_never_arrives_and_the_connection_serves_the_next():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask(b"refuse") + ask(b"next"))
        assert (await client.read_answer()).status == 403
        assert (await client.read_answer()).body == b"alice:next"
        assert b"refuse" not in b"".join(backend.heads)
        record = gateway.identity.records[0]
        assert (record.reason, record.detail) == (Reason.COMMAND_REFUSED, "it says so")


async def test_without_a_quantum_what_follows_a_refused_body_is_read_too():
    async with RawBackend() as backend, ExchangeGateway(backend.url, denial_quantum_seconds=0.0) as gateway:
        data = ask(b"refuse")
        client = await gateway.client(before=data[:-3])
        await until(lambda: bool(gateway.identity.asked))
        await asyncio.sleep(0.02)
        await client.send(data[-3:] + ask(b"next"))
        assert (await client.read_answer()).status == 403
        assert (await client.read_answer()).body == b"alice:next"


@pytest.mark.parametrize("chunked", [False, True])
async def test_one_that_is_too_long_is_refused(chunked):
    async with RawBackend() as backend, ExchangeGateway(backend.url, inspector=FakeInspector(100)) as gateway:
        if chunked:
            data = ask(None, XML + "Transfer-Encoding: chunked\r\n") + b"65\r\n" + b"x" * 101
        else:
            data = ask(b"x" * 101)
        client = await gateway.client(before=data)
        assert (await client.read_answer()).status == 413
        assert gateway.inspector.seen == []
        assert backend.heads == []


async def test_a_large_inspected_body_is_taken_while_identity_thinks():
    identity = FakeIdentity(delay_seconds=0.1)
    inspector = FakeInspector(500_000)
    async with (
        RawBackend() as backend,
        ExchangeGateway(
            backend.url, identity=identity, inspector=inspector, rewriter=FakeRewriter(500_000)
        ) as gateway,
    ):
        client = await gateway.client(before=ask(b"x" * 400_000))
        assert len((await client.read_answer()).body) == 400_006


async def test_who_waits_for_100_is_told_to_go_on_and_only_after_the_decision():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        data = ask(b"a body", XML + "Expect: 100-continue\r\n")
        client = await gateway.client(before=data[:-6])
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        assert len(gateway.identity.asked) == 1
        await client.send(data[-6:])
        assert (await client.read_answer()).body == b"alice:a body"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x"])
async def test_a_coded_one_is_refused(coding):
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask(extra=XML + f"Content-Encoding: {coding}\r\n"))
        assert (await client.read_answer()).status == 415
        assert backend.heads == []


async def test_a_client_that_stops_in_its_body_is_not_waited_for():
    listener = {"body_timeout_seconds": 0.3}
    async with RawBackend() as backend, ExchangeGateway(backend.url, listener=listener) as gateway:
        client = await gateway.client(before=ask()[:-3])
        assert (await client.read_answer()).status == 408
        assert backend.heads == []


async def test_a_block_ends_the_waiting():
    from handfast.identity.records import RevocationScope

    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask()[:-3])
        await until(lambda: bool(gateway.identity.asked))
        await asyncio.sleep(0.02)
        gateway.identity.revoke(RevocationScope.ACCOUNT, account_id=1)
        assert (await client.read_answer()).status == 403
        assert backend.heads == []


async def test_one_without_a_body_is_looked_at_too():
    async def answer(peer: BackendPeer) -> None:
        await peer.read_request()
        await peer.answer(b"inside")

    async with RawBackend(answer) as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=ask(None, "", method="GET"))
        assert (await client.read_answer()).body == b"outside!"
        assert gateway.inspector.seen[0][0].body == b""
