"""I11: no redirect, `User` or address in a message makes gateway or doctor connect to, or act for, anything that is not
published or not the signed-in account."""

from __future__ import annotations

import socket
from dataclasses import replace
from urllib.parse import parse_qs, quote

import pytest

from handfast.decision.rules.ews import find_refused_header, find_refused_operation
from handfast.doctor import probes
from handfast.gateway import heads
from handfast.gateway.acting_for import is_named
from handfast.gateway.inside_names import InsideNames
from handfast.gateway.path_map import PathMap, PathMapping
from handfast.protocols.activesync.query import QueryForm, parse_query
from handfast.protocols.ews.acting_for import ACTING_FOR_HEADERS, find_acting_for
from handfast.settings.publication import BackendSettings
from tests.fakes.gateway_peers import DEVICE, HOST, Gateway, RawBackend
from tests.fakes.transforming import EWS, ExchangeGateway
from tests.invariants.taking_out import take_out

PLACES = {
    "another host": "https://ex01.corp.internal/Microsoft-Server-ActiveSync",
    "http": f"http://{HOST}/",
    "no scheme": "//ex01.corp.internal/",
    "backslash": "/\\ex01.corp.internal/",
    "published as user": f"https://{HOST}@ex01.corp.internal/",
    "published as prefix": f"https://{HOST}.corp.internal/",
    "scheme without slashes": "https:ex01.corp.internal",
    "script": "javascript:alert(1)",
    "space": f"https://{HOST} .corp.internal/",
    "odd port": f"https://{HOST}:99999/",
}
FIELDS = ["Location", "X-MS-Location"]


async def redirected(field: str, place: str, status: str = "451 Redirect"):
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 {status}\r\n{field}: {place}\r\nContent-Length: 0\r\n\r\n".encode())

    async with RawBackend(answer) as backend, Gateway(backend.url) as gateway:
        return await (await gateway.client()).ask()


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", PLACES)
async def test_no_answer_leads_a_client_to_what_is_not_published(field, name):
    answer = await redirected(field, PLACES[name])
    assert answer.status == 502
    assert field.lower() not in answer.headers


@pytest.mark.parametrize("name", PLACES)
async def test_without_the_check_of_places_it_does(name, monkeypatch):
    take_out(monkeypatch, heads._leads_to_published, lambda *_: True)
    answer = await redirected("X-MS-Location", PLACES[name])
    assert (answer.status, answer.headers["x-ms-location"]) == (451, PLACES[name])


@pytest.mark.parametrize(
    "place", [f"https://{HOST}/Microsoft-Server-ActiveSync", "/Microsoft-Server-ActiveSync"]
)
async def test_what_is_published_may_be_named(place):
    assert (await redirected("X-MS-Location", place)).headers["x-ms-location"] == place


def target(user: str) -> str:
    return f"/Microsoft-Server-ActiveSync?Cmd=Sync&User={quote(user, safe='')}&{DEVICE}"


async def user_behind(claimed: str, signed_in: str = "alice") -> str:
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask(user=signed_in, target=target(claimed))).status == 200
        line = backend.heads[0].split(b" ")[1].decode()
        return parse_qs(line.partition("?")[2])["User"][0]


OTHERS = [
    "bob",
    "BOB",
    "CORP\\bob",
    "CORP\\alice",
    "bob@example.org",
    "alice@evil.example",
    "nobody",
    "alice\\bob",
    "alicе",
]


@pytest.mark.parametrize("claimed", OTHERS)
async def test_the_back_end_is_told_the_signed_in_account_whoever_was_named(claimed):
    """Known or not, the name is replaced: whether an account has it is nobody's business outside."""
    assert await user_behind(claimed) == "alice"


@pytest.mark.parametrize("claimed", OTHERS)
async def test_without_the_comparison_it_is_told_another(claimed, monkeypatch):
    take_out(monkeypatch, is_named, lambda *_: True)
    assert await user_behind(claimed) == claimed


@pytest.mark.parametrize("claimed", ["alice", "Alice", "ALICE"])
async def test_the_accounts_own_name_is_sent_on_as_it_came(claimed):
    assert await user_behind(claimed) == claimed


def base64_target(user: str) -> str:
    query = replace(
        parse_query(f"Cmd=Sync&User={user}&{DEVICE}".encode(), method="POST"),
        form=QueryForm.BASE64,
        protocol_version="14.1",
    )
    return f"/Microsoft-Server-ActiveSync?{query.encode().decode()}"


@pytest.mark.parametrize(("claimed", "told"), [("bob", "alice"), ("alice", "alice")])
async def test_the_name_within_a_base64_query_is_replaced_as_well(claimed, told):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask(target=base64_target(claimed))).status == 200
        line = backend.heads[0].split(b" ")[1]
        assert parse_query(line.partition(b"?")[2], method="POST").user == told


TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
SOAP_TYPE = "Content-Type: text/xml; charset=utf-8\r\n"


async def ews(header: str, body: str = "<m:GetFolder/>") -> tuple[int, list[bytes]]:
    message = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        answer = await (await gateway.client()).ask(target=EWS, body=message.encode(), extra=SOAP_TYPE)
        return answer.status, backend.heads


@pytest.mark.parametrize("name", ACTING_FOR_HEADERS)
async def test_no_message_makes_ews_act_for_somebody_else(name):
    assert await ews(f"<t:{name}/>") == (403, [])


@pytest.mark.parametrize("name", ["ExchangeImpersonation", "SerializedSecurityContext"])
async def test_without_looking_for_them_and_without_the_list_of_headers_it_does(name, monkeypatch):
    take_out(monkeypatch, find_acting_for, lambda _: None)
    assert await ews(f"<t:{name}/>") == (403, [])
    take_out(monkeypatch, find_refused_header, lambda *_: None)
    status, heads = await ews(f"<t:{name}/>")
    assert status == 200
    assert name.encode() in heads[0]


async def test_a_delegates_request_passes():
    mailbox = "<t:Mailbox><t:EmailAddress>boss@example.org</t:EmailAddress></t:Mailbox>"
    status, _ = await ews("", f"<m:FindItem>{mailbox}</m:FindItem>")
    assert status == 200


TOWARDS_PLACES = {
    "a push subscription": (
        "<m:Subscribe><m:PushSubscriptionRequest><t:URL>http://evil.example/</t:URL></m:PushSubscriptionRequest>"
        "</m:Subscribe>"
    ),
    "an add-in": "<m:InstallApp><m:ManifestUrl>http://ex01.corp.internal/</m:ManifestUrl></m:InstallApp>",
    "a token": "<m:GetClientAccessToken/>",
}


@pytest.mark.parametrize("name", TOWARDS_PLACES)
async def test_no_message_makes_ews_connect_to_a_place_of_the_clients_choice(name):
    assert await ews("", TOWARDS_PLACES[name]) == (403, [])


@pytest.mark.parametrize("name", TOWARDS_PLACES)
async def test_without_the_list_of_operations_it_does(name, monkeypatch):
    take_out(monkeypatch, find_refused_operation, lambda *_: None)
    status, heads = await ews("", TOWARDS_PLACES[name])
    assert (status, len(heads)) == (200, 1)


INSIDE_PLACES = [
    "https://ex01.corp.internal/ext-ews/a",
    "/ext-ews/a",
    f"https://{HOST}/a?url=https%3a%2f%2fex01.corp.internal",
]
MAPPED = (PathMapping("/microsoft-server-activesync", "/ext-ews", "ex01.corp.internal"),)


async def mapped(place: str):
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())

    async with RawBackend(answer) as backend, Gateway(backend.url, paths=MAPPED) as gateway:
        return await (await gateway.client()).ask()


@pytest.mark.parametrize("place", INSIDE_PLACES)
async def test_no_mapped_place_names_the_inside(place):
    answer = await mapped(place)
    assert b"ex01" not in answer.head
    assert b"ext-ews" not in answer.head


async def test_without_mapping_back_or_looking_it_does(monkeypatch):
    monkeypatch.setattr(PathMap, "place_outside", lambda _self, value, _host: value)
    monkeypatch.setattr(PathMap, "names_inside", lambda _self, _value: False)
    assert "/ext-ews/a" in (await mapped("/ext-ews/a")).headers["location"]
    assert b"ex01" not in (await mapped(INSIDE_PLACES[2])).head, "the last look at the whole head"
    monkeypatch.setattr(InsideNames, "may_be_in", lambda _self, _data: False)
    assert b"ex01" in (await mapped(INSIDE_PLACES[2])).head


async def described(field: str):
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n".encode())

    async with RawBackend(answer) as backend, Gateway(backend.url, paths=MAPPED) as gateway:
        return await (await gateway.client()).ask()


FIELDS = [
    "X-Anything: by EX01.corp.internal",
    "Set-Cookie: at=ex01.corp.internal",
    "Via: 1.1 ex01.corp.internal:80",
]


@pytest.mark.parametrize("field", FIELDS)
async def test_no_field_of_an_answer_names_a_server_behind(field):
    assert b"corp.internal" not in (await described(field)).head


async def test_without_the_last_look_one_does(monkeypatch):
    monkeypatch.setattr(InsideNames, "may_be_in", lambda _self, _data: False)
    assert b"corp.internal" in (await described(FIELDS[0])).head


class Redirecting:
    """Records where the doctor connects to; answers with a redirect to somewhere else."""

    def __init__(self, serve, monkeypatch):
        self.called: list[tuple[str, int]] = []
        self.elsewhere = serve()
        head = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{self.elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        self.configured = serve(head.encode())
        real = socket.create_connection

        def record(address, *args, **more):
            self.called.append(address)
            return real(address, *args, **more)

        monkeypatch.setattr(socket, "create_connection", record)

    def look(self):
        url = f"http://127.0.0.1:{self.configured.port}"
        return probes.look_at_backend(url, BackendSettings(urls=[url]), HOST)


def test_the_doctor_connects_to_what_is_configured_and_follows_nothing(serve, monkeypatch):
    peers = Redirecting(serve, monkeypatch)
    assert peers.look().status == 302
    assert peers.called == [("127.0.0.1", peers.configured.port)]
    assert peers.elsewhere.requests == []


def test_a_doctor_that_followed_redirects_would_be_seen(serve, monkeypatch):
    """The recorder can go red: a probe that follows is one that connects twice."""
    peers = Redirecting(serve, monkeypatch)
    real = probes.parse_head

    def follow(head: bytes):
        if b"Location: http://" in head:
            port = int(head.partition(b"Location: http://127.0.0.1:")[2].partition(b"/")[0])
            socket.create_connection(("127.0.0.1", port), 1).close()
        return real(head)

    monkeypatch.setattr(probes, "parse_head", follow)
    peers.look()
    assert peers.called != [("127.0.0.1", peers.configured.port)]
