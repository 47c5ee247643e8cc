"""I5: a connection's identity never crosses to another; NTLM is for HTTP/1.1 alone, and never through an HTTP proxy."""

from __future__ import annotations

import asyncio
import base64

import pytest

from handfast.gateway import credentials
from handfast.gateway.grants import GrantCache
from handfast.gateway.pool import BackendPool
from tests.fakes.gateway_peers import TARGET, Gateway, RawBackend, request_bytes
from tests.invariants.taking_out import take_out

TYPE1 = b"NTLMSSP\0\1\0\0\0" + bytes(28)
PROXIED = {
    "Via": {"extra": "Via: 1.1 proxy\r\n"},
    "Forwarded": {"extra": "Forwarded: for=203.0.113.1\r\n"},
    "X-Forwarded-For": {"extra": "X-Forwarded-For: 203.0.113.1\r\n"},
    "HTTP/1.0": {"version": b"HTTP/1.0"},
}


def sent(version: bytes = b"HTTP/1.1", **fields) -> bytes:
    return request_bytes(user=None, **fields).replace(b"HTTP/1.1", version, 1)


def leg(token: bytes, *, version: bytes = b"HTTP/1.1", extra: str = "") -> bytes:
    value = f"Authorization: NTLM {base64.b64encode(token).decode()}\r\n"
    return sent(version, extra=value + extra)


async def sign_in_by_ntlm(client, user: str) -> None:
    await client.send(leg(TYPE1))
    assert (await client.read_answer()).status == 401
    await client.send(leg(b"NTLMSSP\0\3\0\0\0" + user.encode().ljust(64, b"\0")))
    assert (await client.read_answer()).status == 200


async def ride(*, warm: int, **fields) -> bytes:
    """A request that came through a proxy, on a connection that NTLM signed in; `warm` requests came directly before."""
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await sign_in_by_ntlm(client, "alice")
        for _ in range(warm):
            assert (await client.ask(user=None, body=b"mine")).body == b"alice:mine"
        await client.send(sent(**fields, body=b"theirs"))
        return (await client.read_answer()).body


@pytest.mark.parametrize("warm", [0, 1, 3])
@pytest.mark.parametrize("name", PROXIED)
async def test_a_signed_in_connection_serves_nobody_behind_a_proxy(name, warm):
    assert await ride(warm=warm, **PROXIED[name]) != b"alice:theirs"


@pytest.mark.parametrize("name", PROXIED)
async def test_without_the_proxy_check_it_serves_them(name, monkeypatch):
    take_out(monkeypatch, credentials.is_proxied, lambda *_, **__: False)
    assert await ride(warm=1, **PROXIED[name]) == b"alice:theirs"


async def begin_ntlm(**listener) -> int:
    async with RawBackend() as backend, Gateway(backend.url, listener=listener) as gateway:
        client = await gateway.client()
        await client.send(leg(TYPE1))
        answer = await client.read_answer()
        return len(gateway.identity.challenges) if answer.status == 401 else 0


async def test_a_listener_behind_an_http_proxy_begins_no_ntlm():
    assert await begin_ntlm(behind_http_proxy=True) == 0
    assert await begin_ntlm() == 1


async def test_without_the_listener_check_it_does(monkeypatch):
    take_out(monkeypatch, credentials.is_proxied, lambda *_, **__: False)
    assert await begin_ntlm(behind_http_proxy=True) == 1


def users_of(head: bytes) -> set[bytes]:
    return {line[15:] for line in head.split(b"\r\n") if line.startswith(b"X-Remote-User: ")}


async def take_turns() -> list[set[bytes]]:
    """For each back-end connection, who was signed in on it while two people took turns on one and two connections."""
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        shared, other = await gateway.client(), await gateway.client()
        for user in ("alice", "bob", "alice", "bob"):
            assert (await shared.ask(user=user, body=b"x")).body == f"{user}:x".encode()
        await asyncio.gather(*(client.ask(user=user) for client, user in ((shared, "bob"), (other, "alice"))))
        return [users_of(head) for head in backend.heads]


def find_anybodys(pool: BackendPool, account_id):
    for kept in pool._idle.values():
        if kept:
            return kept.pop()
    return None


async def test_a_back_end_connection_is_one_persons():
    assert [len(users) for users in await take_turns()] == [1] * len(await take_turns())


async def test_without_the_pools_key_it_is_everybodys(monkeypatch):
    monkeypatch.setattr(BackendPool, "find_idle", find_anybodys)
    assert any(len(users) > 1 for users in await take_turns())


async def borrow_a_grant() -> int:
    """alice's right secret on one connection, then a wrong one on another."""
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask()).status == 200
        thief = await gateway.client()
        await thief.send(request_bytes(user=None, extra="Authorization: Basic YWxpY2U6d3Jvbmc=\r\n"))
        return (await thief.read_answer()).status


async def test_a_grant_is_found_by_the_credential_that_led_to_it_alone():
    assert await borrow_a_grant() == 401


async def test_without_the_credentials_digest_anybody_finds_it(monkeypatch):
    monkeypatch.setattr(GrantCache, "digest", lambda _self, _authorization: b"")
    assert await borrow_a_grant() == 200


async def start_anew() -> int:
    """A signed-in connection begins NTLM again and does not finish: who is the next request?"""
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await sign_in_by_ntlm(client, "alice")
        assert (await client.ask(user=None)).status == 200
        await client.send(leg(TYPE1))
        assert (await client.read_answer()).status == 401
        return (await client.ask(user=None, target=TARGET)).status


async def test_a_begun_sign_in_ends_the_one_before():
    assert await start_anew() == 401


async def test_without_forgetting_the_old_one_stays(monkeypatch):
    monkeypatch.setattr(credentials.ConnectionSignIn, "forget", lambda _self: None)
    monkeypatch.setattr(credentials.ConnectionSignIn, "drop_session", lambda _self: None)
    assert await start_anew() == 200
