"""Published paths whose servers know them by another name and host: mapped on the way in and back on the way out."""

from __future__ import annotations

import pytest

from handfast.gateway.path_map import PathMapping
from tests.fakes.gateway_peers import HOST, RawBackend
from tests.fakes.transforming import EWS, POX, ExchangeGateway

INSIDE = "ex01.corp.internal"
PATHS = (
    PathMapping("/ews", "/ext-ews", INSIDE),
    PathMapping("/autodiscover", "/ext-autodiscover"),
)
XML = "Content-Type: text/xml\r\n"
BODY = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetServerTimeZones'
    b' xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"/></s:Body></s:Envelope>'
)


async def answered(fields: str, status: str = "302 Found", target: str = EWS):
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n".encode())

    async with (
        RawBackend(answer) as backend,
        ExchangeGateway(backend.url, paths=PATHS, backend={"host": "mail.corp.internal"}) as gateway,
    ):
        reply = await (await gateway.client()).ask(target=target, body=BODY, extra=XML)
        reply.sent = backend.heads[0].decode()
        return reply


@pytest.mark.parametrize(
    ("target", "line", "host"),
    [
        (EWS, "POST /ext-ews/Exchange.asmx HTTP/1.1", INSIDE),
        ("/ews/exchange.ASMX", "POST /ext-ews/Exchange.asmx HTTP/1.1", INSIDE),
        (POX, "POST /ext-autodiscover/Autodiscover.xml HTTP/1.1", "mail.corp.internal"),
        (
            "/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&DeviceId=A1&DeviceType=x",
            "POST /Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&DeviceId=A1&DeviceType=x HTTP/1.1",
            "mail.corp.internal",
        ),
    ],
)
async def test_path_and_host_are_those_that_the_server_knows(target, line, host):
    sent = (await answered("", "200 OK", target)).sent.split("\r\n")
    assert sent[0] == line
    assert sent[1] == f"Host: {host}"
    assert f"X-Forwarded-Host: {HOST}" in sent


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"https://{INSIDE}/ext-ews/Exchange.asmx", f"https://{HOST}/ews/Exchange.asmx"),
        (f"https://{INSIDE.upper()}:444/EXT-EWS?a=1", f"https://{HOST}/ews?a=1"),
        (f"http://{INSIDE}/ext-ews/a", f"https://{HOST}/ews/a"),
        (f"https://{INSIDE}/other", f"https://{HOST}/other"),
        (f"https://{INSIDE}", f"https://{HOST}/"),
        ("https://mail.corp.internal/ext-autodiscover/a", f"https://{HOST}/autodiscover/a"),
        ("/ext-ews/Services.wsdl", "/ews/Services.wsdl"),
        ("/ext-ewsx/a", "/ext-ewsx/a"),
        ("/owa", "/owa"),
        (f"https://{HOST}/ews/a", f"https://{HOST}/ews/a"),
    ],
)
@pytest.mark.parametrize("field", ["Location", "Content-Location", "X-MS-Location"])
async def test_places_are_told_by_their_published_name(field, said, told):
    assert (await answered(f"{field}: {said}\r\n")).headers[field.lower()] == told


@pytest.mark.parametrize(
    "said",
    [
        "https://ex02.corp.internal/ext-ews/a",
        f"https://{INSIDE}.evil.example/ext-ews",
        f"https://alice@{INSIDE}/ext-ews",
        f"https://{HOST}/owa/auth?url=https://{INSIDE}/owa",
        f"/owa/auth?url=https%3A%2F%2F{INSIDE}%2Fowa",
        f"//{INSIDE}/ext-ews",
    ],
)
async def test_a_place_that_has_no_published_name_is_not_told(said):
    answer = await answered(f"Location: {said}\r\n")
    assert answer.status == 502
    assert b"corp.internal" not in answer.head


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"a=1; Path=/ext-ews; Domain={INSIDE}; Secure", "a=1; Path=/ews; Secure"),
        ("a=1;path=/ext-ews/", "a=1;path=/ews/"),
        ("a=1; path=/EXT-EWS", "a=1; path=/ews"),
        ("a=1; path=/", "a=1; path=/"),
        ("a=/ext-ews; path=/ext-ewsx", "a=/ext-ews; path=/ext-ewsx"),
    ],
)
async def test_a_cookie_is_for_the_published_path(said, told):
    assert (await answered(f"Set-Cookie: {said}\r\n", "200 OK")).headers["set-cookie"] == told


@pytest.mark.parametrize("name", [INSIDE, "MAIL.corp.internal"])
async def test_a_field_that_nobody_foresaw_tells_no_server_either(name):
    answer = await answered(f"X-Something: handled by {name}\r\nX-Else: 1\r\n", f"200 OK by {name}")
    assert answer.status == 200
    assert answer.headers["x-else"] == "1"
    assert b"corp.internal" not in answer.head.lower()


async def test_a_rewritten_channels_redirect_is_mapped_too():
    answer = await answered("Location: https://mail.corp.internal/ext-autodiscover/a\r\n", target=POX)
    assert answer.headers["location"] == f"https://{HOST}/autodiscover/a"
