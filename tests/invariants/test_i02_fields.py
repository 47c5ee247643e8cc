"""I2: client-supplied credentials, identity, routing and hop-by-hop fields, fields that Connection nominates, names with `_`,
routing cookies and trailers never pass; what names the inside never comes back."""

from __future__ import annotations

from handfast.gateway import heads, published
from handfast.protocols.http1.chunked import LAST_CHUNK
from handfast.protocols.http1.cookies import cookie_for_client, without_routing_cookies
from handfast.protocols.http1.fields import (
    connection_options,
    is_anchor,
    passes_to_backend,
    passes_to_client,
)
from tests.fakes.gateway_peers import Gateway, RawBackend, request_bytes
from tests.fakes.transforming import EWS, POX, ExchangeGateway
from tests.invariants.taking_out import take_out

REQUEST_FIELDS = {
    "Authorization": None,
    "Proxy-Authorization": "Basic eDp5",
    "X-Remote-User": "bob",
    "Remote-User": "bob",
    "X-WebObjects-Remote-User": "bob",
    "X-CommonAccessToken": "bob",
    "X-BEServer": "evil",
    "X-BEResource": "evil",
    "X-BackEndCookie": "evil",
    "X-FEServer": "evil",
    "X-CalculatedBETarget": "evil",
    "X-TargetServer": "evil",
    "X-AnchorMailbox": "bob",
    "X-PublicFolderMailbox": "bob",
    "X-UpnAnchorMailbox": "bob",
    "X-GenericAnchorHint": "evil",
    "X-TargetDatabase": "evil",
    "X-DatabaseGuid": "evil",
    "X-ProxyTargetServer": "evil",
    "X-RpcHttpProxyServerTarget": "evil",
    "X-IsFromCafe": "1",
    "X-IsFromBackend": "1",
    "X-FromBackend-ServerAffinity": "evil",
    "X-AnonResource-Backend": "evil",
    "X-WLID-MemberName": "bob",
    "X-EAS-Proxy": "bob",
    "X-EAS-BasicAuth-Proxy": "bob",
    "X-OWA-ExplicitLogonUser": "bob",
    "X-OrganizationContext": "evil",
    "TestBackEndUrl": "https://evil/",
    "msExchProxyUri": "https://evil/",
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil",
    "X-Forwarded-User": "bob",
    "Forwarded": "for=203.0.113.9",
    "Via": "1.1 evil",
    "X-Real-IP": "203.0.113.9",
    "X-Original-URL": "/owa",
    "X-Rewrite-URL": "/owa",
    "X-HTTP-Method-Override": "DELETE",
    "X-Request-Id": "evil",
    "Keep-Alive": "timeout=5",
    "Proxy-Connection": "keep-alive",
    "TE": "trailers",
    "Trailer": "X-Trailer",
    "X_Forwarded_For": "203.0.113.9",
    "Content_Length": "5",
    "X_Remote_User": "bob",
}
ANSWER_FIELDS = {
    "Server": "Microsoft-IIS/10.0 ex01",
    "X-FEServer": "EX01",
    "X-BEServer": "EX01",
    "X-DiagInfo": "EX01",
    "X-CalculatedBETarget": "ex01.corp.internal",
    "X-BackEndHttpStatus": "200",
    "X-DBMountedOnServer": "ex01.corp.internal",
    "X-FromBackend-ServerAffinity": "1",
    "X-DiagInfoLdapLatency": "1",
    "X-AutoDiscovery-Error": "LiveIdBasicAuth:ex01",
    "X-FailureContext": "BackEnd;503;ZXgwMS5jb3JwLmludGVybmFs;ex01.corp.internal",
    "X-Powered-By": "ASP.NET",
    "X-AspNet-Version": "4",
    "WWW-Authenticate": 'Negotiate realm="corp.internal"',
    "Via": "1.1 ex01",
    "Keep-Alive": "timeout=5",
    "Refresh": "0;url=https://ex01.corp.internal/owa",
    "Link": "<https://ex01.corp.internal/>; rel=next",
    "X-Request-Id": "inside",
}


def spelled(fields) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)


def values_by_name(head: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        found.setdefault(name.lower(), []).append(value)
    return found


async def forwarded(extra: str, tail: bytes = b"", **fields) -> bytes:
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(extra=extra, **fields) + tail)
        assert (await client.read_answer()).status == 200
        return backend.heads[0]


def leaked(head: bytes, fields) -> set[str]:
    """Names whose value is the client's own; what the gateway itself says under a name is its own affair."""
    seen = values_by_name(head)
    sent = {name: value for name, value in fields.items() if value is not None}
    found = {name for name, value in sent.items() if value in seen.get(name.lower(), ())}
    return found | ({"Authorization"} & fields.keys() if "authorization" in seen else set())


async def returned(fields: str, status: str = "200 OK") -> bytes:
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n".encode())

    async with RawBackend(answer) as backend, Gateway(backend.url) as gateway:
        return (await (await gateway.client()).ask()).head


async def test_no_field_of_ours_is_taken_from_a_client():
    assert leaked(await forwarded(spelled(REQUEST_FIELDS)), REQUEST_FIELDS) == set()


async def test_without_the_list_every_one_of_them_passes(monkeypatch):
    take_out(monkeypatch, passes_to_backend, lambda _: True)
    monkeypatch.setattr(published.PublishedApp, "prefix", lambda _self, name: name + b": ")
    assert leaked(await forwarded(spelled(REQUEST_FIELDS)), REQUEST_FIELDS) == set(REQUEST_FIELDS)


async def test_what_connection_nominates_stays_outside():
    assert b"X-Nominated" not in (await forwarded("Connection: x-nominated\r\nX-Nominated: 1\r\n")).title()


async def test_without_reading_connection_it_passes(monkeypatch):
    take_out(monkeypatch, connection_options, lambda _: frozenset())
    assert b"X-Nominated" in (await forwarded("Connection: x-nominated\r\nX-Nominated: 1\r\n")).title()


CHUNKS = b"3\r\nabc\r\n0\r\nX-Trailer: evil\r\n\r\n"
CHUNKED = {"extra": "Transfer-Encoding: chunked\r\n", "body": None, "tail": CHUNKS}


async def test_trailers_stay_outside():
    assert b"evil" not in await forwarded(**CHUNKED)


async def test_without_writing_the_end_anew_they_pass(monkeypatch):
    take_out(monkeypatch, LAST_CHUNK, b"0\r\n" + CHUNKS.partition(b"0\r\n")[2])

    async def keep_reading(peer):
        await peer.read_head()
        await peer.read_exactly(len(b"3\r\nabc\r\n0\r\nX-Trailer: evil\r\n\r\n"))
        await peer.answer()

    async with RawBackend(keep_reading) as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(request_bytes(extra=CHUNKED["extra"], body=None) + CHUNKS)
        assert (await client.read_answer()).status == 200
        assert b"evil" in backend.heads[0]


COOKIES = "Cookie: a=1; X-BEResource=ex02.evil~1942062522; X-BackEndCookie=x=ex02; b=2\r\nCookie: x-anonresource-backend=evil\r\n"


async def test_cookies_that_choose_a_server_stay_outside():
    head = await forwarded(COOKIES)
    assert b"a=1; b=2" in head
    assert b"evil" not in head
    assert b"ex02" not in head


async def test_without_the_cookie_check_they_pass(monkeypatch):
    take_out(monkeypatch, without_routing_cookies, lambda value: value)
    head = await forwarded(COOKIES)
    assert b"evil" in head
    assert b"ex02" in head


async def test_nothing_of_the_inside_comes_back():
    assert leaked(await returned(spelled(ANSWER_FIELDS)), ANSWER_FIELDS) == set()


async def test_without_the_answer_list_all_of_it_does(monkeypatch):
    monkeypatch.setattr(heads, "_prefixes", {})
    take_out(monkeypatch, passes_to_client, lambda _: True)
    assert leaked(await returned(spelled(ANSWER_FIELDS)), ANSWER_FIELDS) == set(ANSWER_FIELDS)


INSIDE_COOKIES = (
    "Set-Cookie: X-BackEndCookie=S-1-5-21=u56Lnp2ejJqBex01.corp.internal; path=/; secure\r\n"
    "Set-Cookie: session=1; Domain=mail.corp.internal; path=/\r\n"
)


async def test_no_cookie_names_the_inside():
    head = await returned(INSIDE_COOKIES)
    assert b"corp.internal" not in head
    assert b"session=1; path=/" in head


async def test_without_the_answer_cookie_check_they_do(monkeypatch):
    take_out(monkeypatch, cookie_for_client, lambda value: value)
    assert (await returned(INSIDE_COOKIES)).count(b"corp.internal") == 2


async def test_an_allowed_answer_carries_the_request_id_of_its_record():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        answer = await (await gateway.client()).ask()
        assert answer.headers["x-request-id"] == gateway.identity.records[0].request_id


SOAP = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetFolder'
    b' xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"/></s:Body></s:Envelope>'
)
ANCHORED = "Content-Type: text/xml\r\nX-AnchorMailbox: ex02.evil:444/ecp\r\n"


async def anchored() -> bytes:
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask(target=EWS, body=SOAP, extra=ANCHORED)).status == 200
        return backend.heads[0]


async def test_an_anchor_chooses_a_mailbox_and_no_server():
    assert b"evil" not in await anchored()


async def test_without_looking_at_its_value_it_may_be_a_server(monkeypatch):
    take_out(monkeypatch, is_anchor, lambda _: True)
    assert b"ex02.evil:444/ecp" in await anchored()


async def rewritten(fields: str) -> bytes:
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n".encode())

    async with RawBackend(answer) as backend, ExchangeGateway(backend.url) as gateway:
        return (await (await gateway.client()).ask(target=POX, body=b"x")).head


async def test_nothing_of_the_inside_comes_back_beside_a_rewritten_answer():
    more = "X-Whatever: ex01.corp.internal\r\n"
    assert b"ex01" not in await rewritten(spelled(ANSWER_FIELDS) + INSIDE_COOKIES + more)
