"""EWS requests are read up to their Body before a byte of them goes behind: nobody acts for others from outside."""

from __future__ import annotations

import asyncio

import pytest

from handfast.decision.reasons import Reason
from tests.fakes.gateway_peers import RawBackend, request_bytes, until
from tests.fakes.transforming import EWS, ExchangeGateway

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
XML = "Content-Type: text/xml; charset=utf-8\r\n"


VERSION = '<t:RequestServerVersion Version="Exchange2016"/>'


def message(header: str = VERSION, body: str = "<m:GetItem/>") -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


IMPERSONATING = message("<t:ExchangeImpersonation><t:ConnectingSID/></t:ExchangeImpersonation>")
MAILBOX = "<t:Mailbox><t:EmailAddress>boss@example.org</t:EmailAddress></t:Mailbox>"
DELEGATE = message(body=f"<m:FindItem>{MAILBOX}</m:FindItem>")


async def asked(data: bytes, extra: str = XML, method: str = "POST"):
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(target=EWS, body=data, extra=extra, method=method))
        answer = await client.read_answer()
        await until(lambda: bool(gateway.identity.records))
        return answer, backend.heads, gateway.identity.records[0]


@pytest.mark.parametrize("data", [message(), DELEGATE, b"\xef\xbb\xbf" + message()])
async def test_ordinary_requests_and_delegates_pass_to_the_byte(data):
    answer, _, record = await asked(data)
    assert answer.body == b"alice:" + data
    assert record.reason is Reason.ALLOWED


async def test_impersonation_is_refused_with_its_own_reason_and_never_arrives():
    answer, heads, record = await asked(IMPERSONATING)
    assert answer.status == 403
    assert heads == []
    assert record.reason is Reason.IMPERSONATION_REFUSED
    assert record.detail == "SOAP header ExchangeImpersonation"


@pytest.mark.parametrize(
    "data",
    [
        message().decode().encode("utf-16"),
        b"<!DOCTYPE a>" + message(),
        message().replace(b"utf-8", b"utf-7"),
        b"x",
        message()[:100],
        message("<a>" * 40),
        message("<a>" + "x" * 70_000 + "</a>"),
        message(body=""),
        message(body="text<m:GetItem/>"),
        message(body="<m:Subscribe>" + "x" * 300_000 + "</m:Subscribe>"),
        message(body="<m:Subscribe><m:PullSubscriptionRequest/>")[:-20],
    ],
)
async def test_what_cannot_be_read_for_sure_is_refused(data):
    answer, heads, record = await asked(data)
    assert answer.status == 400
    assert heads == []
    assert record.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "extra",
    [
        "Content-Type: text/xml; charset=utf-16\r\n",
        "Content-Type: application/soap+msbin1\r\n",
        XML + "Content-Encoding: gzip\r\n",
        XML + "Content-Encoding: identity, gzip\r\n",
        "",
    ],
)
async def test_what_has_to_be_decoded_first_is_refused_as_a_type_that_is_not_taken(extra):
    answer, heads, record = await asked(message(), extra)
    assert answer.status == 415
    assert heads == []
    assert record.reason is Reason.MALFORMED_REQUEST


async def test_no_coding_may_be_called_so_in_any_case():
    answer, heads, _ = await asked(message(), XML + "Content-Encoding: IDENTITY\r\n")
    assert (answer.status, len(heads)) == (200, 1)


async def test_byte_by_byte_nothing_passes_before_the_operation_begins():
    data = message()
    begins = data.index(b"<m:GetItem/>") + len(b"<m:GetItem/>")
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        whole = request_bytes(target=EWS, body=data, extra=XML)
        head_size = len(whole) - len(data)
        client = await gateway.client(before=whole[:head_size])
        await until(lambda: bool(gateway.identity.asked))
        for at in range(begins - 1):
            await client.send(data[at : at + 1])
        await asyncio.sleep(0.05)
        assert backend.heads == []
        await client.send(data[begins - 1 : begins])
        await until(lambda: bool(backend.heads))
        await client.send(data[begins:])
        assert (await client.read_answer()).body == b"alice:" + data


async def test_after_the_start_of_the_operation_the_body_streams_on_at_once():
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def backend_reads(peer):
        await peer.read_head()
        while data := await peer.reader.read(65536):
            arrived.put_nowait(data)

    data = message(body="<m:CreateItem></m:CreateItem>")
    begins = data.index(b"</m:CreateItem>")
    async with RawBackend(backend_reads) as backend, ExchangeGateway(backend.url) as gateway:
        head = request_bytes(target=EWS, body=None, extra=XML + "Content-Length: 100000\r\n")
        client = await gateway.client(before=head + data[:begins])
        async with asyncio.timeout(20):
            assert await arrived.get() == data[:begins]
            for _ in range(3):
                await client.send(b"a piece")
                assert await arrived.get() == b"a piece"


async def test_a_refused_one_leaves_the_connection_for_the_next():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client()
        for data, status in ((IMPERSONATING, 403), (message(), 200), (IMPERSONATING, 403), (message(), 200)):
            assert (await client.ask(target=EWS, body=data, extra=XML)).status == status


async def test_a_request_without_a_body_has_no_headers_to_read():
    answer, heads, _ = await asked(None, "", "GET")
    assert answer.status == 200
    assert len(heads) == 1


async def test_attachments_of_64_mb_go_through_in_both_directions():
    size = 64 * 1024 * 1024

    async def swallow(peer):
        head = await peer.reader.readuntil(b"\r\n\r\n")
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while left:
            left -= len(await peer.reader.read(min(left, 1 << 20)))
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(64):
            await peer.send(b"y" * (1 << 20))
        # A handler that returns aborts its connection, whatever has not left it yet.
        await peer.reader.read()

    data = message(body=f"<m:CreateAttachment>{'x' * size}</m:CreateAttachment>")
    async with RawBackend(swallow) as backend, ExchangeGateway(backend.url, max_body_bytes=0) as gateway:
        client = await gateway.client()
        sending = asyncio.ensure_future(client.send(request_bytes(target=EWS, body=data, extra=XML)))
        assert len((await client.read_answer(timeout=30)).body) == size
        await sending
