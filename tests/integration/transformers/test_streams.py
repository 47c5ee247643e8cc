"""GetStreamingEvents and NotificationWait: each chunk goes on when it comes, for as long as something comes."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.gateway_peers import RawBackend, request_bytes, until
from tests.fakes.transforming import EWS, ExchangeGateway

SUBSCRIBED = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetStreamingEvents'
    b' xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"/></s:Body></s:Envelope>'
)
STREAMS = {
    "GetStreamingEvents": (EWS, "text/xml", SUBSCRIBED, "text/xml"),
    "NotificationWait": (
        "/mapi/emsmdb/?MailboxId=0b6cd3a2-6c3b-4a2f-9b1e-0f6f0a1b2c3d@example.org",
        "application/mapi-http",
        b"\0\0\0\0\0\0\0\0",
        "application/mapi-http",
    ),
}


def asking(name: str, more: str = "") -> bytes:
    target, kind, body, _ = STREAMS[name]
    extra = f"Content-Type: {kind}\r\nX-RequestType: NotificationWait\r\n{more}"
    return request_bytes(target=target, body=body, extra=extra)


class Speaker:
    """A back end that says what it is told, when it is told."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __call__(self, peer) -> None:
        await peer.read_request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (said := await self.says.get()) is not None:
            await peer.send(b"%x\r\n%b\r\n" % (len(said), said))
        await peer.send(b"0\r\n\r\n")


async def read_chunk(client) -> bytes:
    async with asyncio.timeout(20):
        size = int(await client.reader.readline(), 16)
        return (await client.reader.readexactly(size + 2))[:-2]


@pytest.mark.parametrize("name", STREAMS)
async def test_each_chunk_leaves_when_it_came(name):
    speaker = Speaker()
    async with RawBackend(speaker) as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=asking(name))
        async with asyncio.timeout(20):
            await client.reader.readuntil(b"\r\n\r\n")
        for said in (b"PROCESSING\r\n", b"PENDING\r\n", b"<event/>", b"PENDING\r\n"):
            speaker.says.put_nowait(said)
            assert await read_chunk(client) == said
        speaker.says.put_nowait(None)
        assert await read_chunk(client) == b""
        # The connection serves the next request.
        await client.send(asking(name))
        async with asyncio.timeout(20):
            assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_it_may_last_longer_than_any_silence():
    speaker = Speaker()
    backend_options = {"answer_timeout_seconds": 2.0}
    async with (
        RawBackend(speaker) as backend,
        ExchangeGateway(backend.url, backend=backend_options) as gateway,
    ):
        client = await gateway.client(before=asking("GetStreamingEvents"))
        async with asyncio.timeout(20):
            await client.reader.readuntil(b"\r\n\r\n")
        for number in range(8):
            await asyncio.sleep(0.4)
            speaker.says.put_nowait(b"%d" % number)
            assert await read_chunk(client) == b"%d" % number


async def test_silence_ends_it():
    speaker = Speaker()
    backend_options = {"answer_timeout_seconds": 0.3}
    async with (
        RawBackend(speaker) as backend,
        ExchangeGateway(backend.url, backend=backend_options) as gateway,
    ):
        client = await gateway.client(before=asking("GetStreamingEvents"))
        async with asyncio.timeout(20):
            await client.reader.readuntil(b"\r\n\r\n")
        assert await client.is_closed()


async def test_a_client_that_leaves_frees_the_server():
    speaker = Speaker()
    async with RawBackend(speaker) as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=asking("NotificationWait"))
        await until(lambda: backend.open == 1)
        client.close()
        await until(lambda: gateway.identity.records != [])
        assert next(iter(gateway.worker.state.model.backends.values())).backends[0].connections == 0


SENT = {
    "X-RequestType": "NotificationWait",
    "X-RequestId": "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123",
    "X-ClientInfo": "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}",
    "X-ClientApplication": "Outlook/16.0.10730.20088",
    "X-PreferServerAffinity": "true",
    "client-request-id": "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}",
    "X-AnchorMailbox": "alice@example.org",
    "X-PublicFolderMailbox": "0b6cd3a2-6c3b-4a2f-9b1e-0f6f0a1b2c3d@example.org",
    "Cookie": "MapiContext=MAPIAAAAAI; MapiSequence=1; exchangecookie=85cbbc1e; ClientId=X",
}
NOT_SENT = {
    "X-BEResource": "ex02/ecp~1",
    "X-BackEndCookie": "ex02",
    "X-TargetServer": "ex02",
    "X-ProxyTargetServer": "ex02",
    "X-TargetDatabase": "ex02",
    "X-GenericAnchorHint": "ex02",
    "X-IsFromCafe": "1",
    "X-CommonAccessToken": "ex02",
    "X-AnonResource-Backend": "ex02",
    "X-UpnAnchorMailbox": "ex02@example.org",
    "TestBackEndUrl": "ex02",
}


async def test_what_keeps_a_session_on_its_server_passes_and_what_chooses_one_does_not():
    fields = "".join(f"{name}: {value}\r\n" for name, value in {**SENT, **NOT_SENT}.items())
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        target, kind, body, _ = STREAMS["NotificationWait"]
        client = await gateway.client()
        assert (
            await client.ask(target=target, body=body, extra=f"Content-Type: {kind}\r\n{fields}")
        ).status == 200
        head = backend.heads[0].decode().lower()
        for name, value in SENT.items():
            assert f"{name}: {value}\r\n".lower() in head
        assert "ex02" not in head
        assert "isfromcafe" not in head


@pytest.mark.parametrize(
    "value",
    [
        "bob",
        "ex02",
        "ex02:444/ecp",
        "a@b/c",
        "a@ex02:444",
        "a@b@c",
        "S-1-5-21",
        "a@b, c@d",
        "@x",
        "a@",
        "x" * 70 + "@b",
    ],
)
async def test_an_anchor_that_is_no_address_does_not_pass(value):
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        target, kind, body, _ = STREAMS["NotificationWait"]
        extra = f"Content-Type: {kind}\r\nX-AnchorMailbox: {value}\r\nX-PublicFolderMailbox: {value}\r\n"
        assert (await (await gateway.client()).ask(target=target, body=body, extra=extra)).status == 200
        assert b"mailbox: " not in backend.heads[0].lower().partition(b"\r\n")[2]


async def test_phones_have_no_anchors():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        await (await gateway.client()).ask(extra="X-AnchorMailbox: alice@example.org\r\n")
        assert b"x-anchormailbox" not in backend.heads[0].lower()
