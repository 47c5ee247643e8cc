"""The gateway before a simulated Exchange: EWS, its stream of events, and Autodiscover with the product's own rewriter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from handfast.app.exchange import build_handlings
from handfast.decision.rules.exchange import EXCHANGE_RULES
from handfast.lab.exchange import SimulatedExchange
from handfast.settings.publication import PublicationSettings
from tests.fakes.gateway_peers import HOST, Gateway, request_bytes
from tests.fakes.transforming import EWS, POX

XML = "Content-Type: text/xml; charset=utf-8\r\n"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
INBOX = '<t:DistinguishedFolderId Id="inbox"/>'


def soap(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
        '<s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


GET_FOLDER = soap(
    "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>"
    f"<m:FolderIds>{INBOX}</m:FolderIds></m:GetFolder>"
)
SUBSCRIBE = soap(
    "<m:Subscribe><m:StreamingSubscriptionRequest>"
    f"<t:FolderIds>{INBOX}</t:FolderIds><t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes>"
    "</m:StreamingSubscriptionRequest></m:Subscribe>"
)


POX_REQUEST = (
    b'<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    b"<EMailAddress>alice@contoso.lab</EMailAddress><AcceptableResponseSchema>"
    b"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    b"</AcceptableResponseSchema></Request></Autodiscover>"
)


def listen(subscription: str) -> bytes:
    return soap(
        f"<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{subscription}</t:SubscriptionId>"
        "</m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>"
    )


@asynccontextmanager
async def site(**options) -> AsyncIterator[tuple[SimulatedExchange, Gateway]]:
    server = SimulatedExchange(streaming_heartbeat=0.2, **options)
    await server.start()
    told = PublicationSettings(
        name="mail",
        kind="exchange",
        hosts=(HOST, "autodiscover.example.org"),
        backend={"urls": (server.url,)},
        autodiscover={"mail_domains": ("contoso.lab",)},
    )
    handlings = build_handlings(told, EXCHANGE_RULES)
    try:
        async with Gateway(server.url, rules=EXCHANGE_RULES, handlings=handlings) as gateway:
            yield server, gateway
    finally:
        await server.stop()


async def test_a_folder_is_read():
    async with site() as (_, gateway):
        answer = await (await gateway.client()).ask(target=EWS, body=GET_FOLDER, extra=XML)
        assert answer.status == 200
        assert b"DisplayName>Inbox<" in answer.body


async def test_events_come_as_they_happen():
    async with site() as (server, gateway):
        client = await gateway.client()
        subscribed = await client.ask(target=EWS, body=SUBSCRIBE, extra=XML)
        subscription = subscribed.body.decode().split("SubscriptionId>")[1].split("<")[0]
        await client.send(request_bytes(target=EWS, body=listen(subscription), extra=XML))
        async with asyncio.timeout(20):
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert b"Transfer-Encoding: chunked" in head
            server.deliver_mail("alice", "Hello", "the body")
            seen = b""
            while b"NewMailEvent" not in seen:
                seen += await client.reader.read(4096)


@pytest.mark.parametrize("compresses", [False, True])
async def test_what_autodiscover_tells_is_published(compresses):
    async with site(compresses=compresses) as (_, gateway):
        extra = XML + "Accept-Encoding: gzip\r\n"
        answer = await (await gateway.client()).ask(target=POX, body=POX_REQUEST, extra=extra)
        assert answer.status == 200
        assert f"https://{HOST}/EWS/Exchange.asmx".encode() in answer.body
        assert b"corp.internal" not in answer.head + answer.body
        assert int(answer.headers["content-length"]) == len(answer.body)


async def test_somebody_elses_autodiscover_stays_unasked():
    async with site() as (_, gateway):
        asked = POX_REQUEST.replace(b"contoso.lab", b"elsewhere.example")
        assert (await (await gateway.client()).ask(target=POX, body=asked, extra=XML)).status == 403
