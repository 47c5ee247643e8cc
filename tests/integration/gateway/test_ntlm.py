"""NTLM belongs to a connection: the legs in order, who is signed in afterwards, and where it is refused."""

from __future__ import annotations

import base64

import pytest

from handfast.decision.access import ConnectionCredential, NtlmCredential
from handfast.decision.reasons import Reason
from handfast.protocols.spnego.tokens import KERBEROS_OID, NTLM_OID, encode_init, encode_resp, unwrap
from tests.fakes.gateway_peers import DEVICE, Gateway, RawBackend, basic, request_bytes

TYPE1 = b"NTLMSSP\0\1\0\0\0" + bytes(28)
OTHER = "/Microsoft-Server-ActiveSync?Cmd=Ping&User=x&DeviceId=DEF456&DeviceType=iPad"


def type3(user: str) -> bytes:
    return b"NTLMSSP\0\3\0\0\0" + user.encode().ljust(64, b"\0")


def leg(token: bytes, scheme: str = "NTLM", **fields) -> bytes:
    value = f"Authorization: {scheme} {base64.b64encode(token).decode()}\r\n"
    return request_bytes(user=None, extra=value + fields.pop("extra", ""), **fields)


async def sign_in(client, user="alice", body=b"", **fields):
    await client.send(leg(TYPE1))
    first = await client.read_answer()
    assert first.status == 401
    assert first.headers["www-authenticate"].startswith("NTLM TlRMTVNTUAAC")
    await client.send(leg(type3(user), body=body, **fields))
    return await client.read_answer()


async def test_three_legs_and_then_the_connection_is_signed_in():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        assert (await sign_in(client, body=b"1")).body == b"alice:1"
        assert (await client.ask(user=None, body=b"2")).body == b"alice:2"
        assert (await client.ask(user=None, body=b"3")).body == b"alice:3"
        credentials = [request.credential for request in gateway.identity.asked]
        assert isinstance(credentials[0], NtlmCredential)
        assert credentials[0].negotiate == TYPE1
        assert len(credentials) == 1
        assert (await client.ask(user=None, target=OTHER)).status == 200
        assert isinstance(gateway.identity.asked[1].credential, ConnectionCredential)


async def test_another_connection_is_nobody():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        assert (await sign_in(await gateway.client())).status == 200
        assert (await (await gateway.client()).ask(user=None)).status == 401


async def test_a_body_before_the_challenge_is_drained():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(leg(TYPE1, body=b"x" * 50_000))
        assert (await client.read_answer()).status == 401
        await client.send(leg(type3("alice"), body=b"y"))
        assert (await client.read_answer()).body == b"alice:y"


async def test_a_new_sign_in_replaces_the_old_one_on_every_device():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await sign_in(client, "alice")
        assert (await client.ask(user=None, target=OTHER, body=b"1")).body == b"alice:1"
        assert (await sign_in(client, "bob", body=b"2")).body == b"bob:2"
        assert (await client.ask(user=None, target=OTHER, body=b"3")).body == b"bob:3"
        assert (await client.ask(user=None, body=b"4")).body == b"bob:4"


@pytest.mark.parametrize("wrong", [type3("mallory"), TYPE1])
async def test_a_failed_or_begun_sign_in_leaves_nobody_signed_in(wrong):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await sign_in(client, "alice")
        await client.send(leg(wrong))
        assert (await client.read_answer()).status == 401
        assert (await client.ask(user=None)).status == 401


async def test_basic_on_the_connection_ends_ntlm():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await sign_in(client, "alice")
        assert (await client.ask(user="bob", body=b"1")).body == b"bob:1"
        assert (await client.ask(user=None)).status == 401


@pytest.mark.parametrize(
    "value", ["Bearer", "Basic !!!", "Digest x=y", f"{basic('alice', 'wrong')}", "NTLM AAAA"]
)
async def test_any_other_authorization_ends_the_signed_in_connection(value):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await sign_in(client, "alice")
        for _ in range(2):
            assert (await client.ask(user=None)).status == 200
        refused = await client.ask(user=None, extra=f"Authorization: {value}\r\n")
        assert refused.status in (400, 401)
        if refused.status == 401:
            assert (await client.ask(user=None)).status == 401


async def test_a_proof_without_a_challenge_or_twice():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(leg(type3("alice")))
        assert (await client.read_answer()).status == 401
        assert gateway.identity.asked == []
        await sign_in(client)
        await client.send(leg(type3("alice")))
        assert (await client.read_answer()).status == 401
        assert gateway.identity.records[-1].reason is Reason.NTLM_CHALLENGE_UNKNOWN


async def test_spnego_and_raw_messages_in_negotiate():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(leg(encode_init([NTLM_OID], TYPE1), "Negotiate"))
        token = base64.b64decode(
            (await client.read_answer()).headers["www-authenticate"].removeprefix("Negotiate ")
        )
        assert unwrap(token).ntlm_message.startswith(b"NTLMSSP\0\2")
        await client.send(leg(encode_resp(response_token=type3("alice")), "Negotiate", body=b"1"))
        assert (await client.read_answer()).body == b"alice:1"
        assert gateway.identity.asked[0].credential.negotiate == TYPE1
        raw = await gateway.client()
        await raw.send(leg(TYPE1, "Negotiate"))
        assert (await raw.read_answer()).headers["www-authenticate"].startswith("Negotiate TlRMTVNTUAAC")


async def test_kerberos_first_is_told_to_take_ntlm():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(leg(encode_init([KERBEROS_OID, NTLM_OID], b"\x60\x03abc"), "Negotiate"))
        token = base64.b64decode(
            (await client.read_answer()).headers["www-authenticate"].removeprefix("Negotiate ")
        )
        assert unwrap(token).supported_mech == NTLM_OID


@pytest.mark.parametrize(
    "extra", ["Via: 1.1 x\r\n", "Forwarded: for=1.2.3.4\r\n", "X-Forwarded-For: 1.2.3.4\r\n"]
)
async def test_ntlm_through_a_proxy_is_refused_before_and_after_sign_in(extra):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(leg(TYPE1, extra=extra))
        await client.read_answer()
        assert gateway.identity.records[-1].reason is Reason.PROXIED_NTLM
        await sign_in(client)
        for _ in range(2):
            assert (await client.ask(user=None)).status == 200
        assert (await client.ask(user=None, extra=extra)).status != 200
        assert gateway.identity.records[-1].reason is Reason.PROXIED_NTLM


async def test_ntlm_is_neither_offered_nor_taken_behind_a_proxy_or_on_http_10():
    async with RawBackend() as backend, Gateway(backend.url, listener={"behind_http_proxy": True}) as gateway:
        client = await gateway.client()
        answer = await client.ask(user=None)
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert b"NTLM" not in answer.head
        await client.send(leg(TYPE1))
        await client.read_answer()
        assert gateway.identity.records[-1].reason is Reason.PROXIED_NTLM
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        await client.send(leg(TYPE1).replace(b"HTTP/1.1", b"HTTP/1.0"))
        await client.read_answer()
        assert gateway.identity.records[-1].reason is Reason.PROXIED_NTLM


@pytest.mark.parametrize(
    "token", [b"NTLMSSP\0\2\0\0\0" + bytes(40), b"NTLMSSP\0\1", b"\x60\x03abc", b"garbage"]
)
async def test_messages_that_cannot_be_read_are_401(token):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        for scheme in ("NTLM", "Negotiate"):
            client = await gateway.client()
            await client.send(leg(token, scheme))
            assert (await client.read_answer()).status == 401
        assert gateway.identity.asked == []


async def test_ntlm_where_it_is_not_offered():
    from handfast.decision.publication import AuthMethod

    async with RawBackend() as backend, Gateway(backend.url, methods=(AuthMethod.BASIC,)) as gateway:
        client = await gateway.client()
        await client.send(leg(TYPE1))
        answer = await client.read_answer()
        assert answer.status == 401
        assert b"NTLM" not in answer.head
        assert gateway.identity.records[-1].reason is Reason.METHOD_NOT_OFFERED
        assert basic("alice")
        assert DEVICE
