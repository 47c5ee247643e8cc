"""Kerberos in front: offered and taken on inside listeners alone, signs the connection in, and is answered once."""

from __future__ import annotations

import base64
import hashlib

import pytest

from handfast.decision.access import ConnectionCredential, TicketCredential
from handfast.decision.publication import AuthMethod
from handfast.decision.reasons import Reason
from handfast.protocols.spnego.der import encode_element, encode_oid
from handfast.protocols.spnego.tokens import (
    KERBEROS_OID,
    MS_KERBEROS_OID,
    NTLM_OID,
    SPNEGO_OID,
    NegState,
    encode_init,
    encode_resp,
)
from tests.fakes.gateway_peers import HOST, Gateway, RawBackend, until
from tests.fakes.kerberos import in_spnego, ticket
from tests.integration.gateway.test_listeners import der_of, make_certificate, trusting
from tests.integration.gateway.test_ntlm import OTHER, TYPE1, leg, type3

METHODS = (AuthMethod.KERBEROS, AuthMethod.NTLM, AuthMethod.BASIC)
INSIDE = {"inside": True, "max_head_bytes": 98304}
ALICE = ticket("alice")


def gateway_of(backend, **options):
    return Gateway(backend.url, **{"methods": METHODS, "listener": INSIDE, **options})


async def show(client, token: bytes, **fields):
    await client.send(leg(token, "Negotiate", **fields))
    return await client.read_answer()


def challenges(answer) -> list[bytes]:
    lines = answer.head.split(b"\r\n")
    return [line.partition(b": ")[2] for line in lines if line.startswith(b"WWW-Authenticate")]


async def test_inside_negotiate_is_offered_and_outside_it_is_not():
    async with RawBackend() as backend:
        for listener, first in ((INSIDE, b"Negotiate"), ({}, b"NTLM")):
            async with gateway_of(backend, listener=listener) as gateway:
                offered = challenges(await (await gateway.client()).ask(user=None))
                assert offered[0] == first
                assert (b"Negotiate" in offered) is (listener is INSIDE)
                assert len(offered) == len(set(offered))


@pytest.mark.parametrize(
    "token", [ALICE, in_spnego(ALICE), in_spnego(ALICE, NTLM_OID), encode_init([MS_KERBEROS_OID], ALICE)]
)
async def test_a_ticket_signs_the_connection_in_and_its_answer_comes_once(token):
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        answer = await show(client, token, body=b"1")
        assert (answer.status, answer.body) == (200, b"alice:1")
        assert challenges(answer) == [b"Negotiate " + base64.b64encode(b"ours")]
        again = await client.ask(user=None, body=b"2")
        assert (again.body, challenges(again)) == (b"alice:2", [])
        credential = gateway.identity.asked[0].credential
        assert isinstance(credential, TicketCredential)
        assert (credential.token, credential.channel_binding) == (token, b"")
        assert len(gateway.identity.asked) == 1
        assert (await client.ask(user=None, target=OTHER)).status == 200
        assert isinstance(gateway.identity.asked[1].credential, ConnectionCredential)
        assert (await (await gateway.client()).ask(user=None)).status == 401, "another connection is nobody"


async def test_another_sign_in_replaces_the_tickets():
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        assert (await show(client, ALICE)).status == 200
        assert (await show(client, ticket("bob"), body=b"2")).body == b"bob:2"
        assert (await client.ask(user=None, body=b"3")).body == b"bob:3"
        assert (await show(client, ticket("mallory"))).status == 401
        assert (await client.ask(user=None)).status == 401
        assert (await show(client, ALICE)).status == 200
        assert (await client.ask(user="bob", body=b"4")).body == b"bob:4"
        assert (await client.ask(user=None)).status == 401


async def test_the_same_ticket_again_is_asked_about_again():
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        for _ in range(2):
            assert (await show(client, ALICE)).status == 200
        assert len(gateway.identity.asked) == 2


async def test_ntlm_within_negotiate_goes_to_our_own_verifier():
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        first = await show(client, encode_init([NTLM_OID], TYPE1))
        assert first.status == 401
        await client.send(leg(type3("alice"), "Negotiate", body=b"1"))
        assert (await client.read_answer()).body == b"alice:1"


async def test_outside_a_ticket_is_no_method_and_ntlm_is_chosen_where_it_is_offered():
    async with RawBackend() as backend, gateway_of(backend, listener={}) as gateway:
        client = await gateway.client()
        answer = await show(client, in_spnego(ALICE))
        assert answer.status == 401
        assert gateway.identity.records[-1].reason is Reason.METHOD_NOT_OFFERED
        chosen = await show(client, in_spnego(ALICE, NTLM_OID))
        assert challenges(chosen)[0].startswith(b"Negotiate ")
        assert gateway.identity.asked == []


@pytest.mark.parametrize(
    ("methods", "token"),
    [
        ((AuthMethod.BASIC,), in_spnego(ALICE)),
        ((AuthMethod.KERBEROS,), encode_init([NTLM_OID], TYPE1)),
        ((AuthMethod.KERBEROS,), TYPE1),
        ((AuthMethod.NTLM,), in_spnego(ALICE)),
    ],
)
async def test_what_the_publication_does_not_offer_is_refused(methods, token):
    async with RawBackend() as backend, gateway_of(backend, methods=methods) as gateway:
        assert (await show(await gateway.client(), token)).status == 401
        assert gateway.identity.records[-1].reason is Reason.METHOD_NOT_OFFERED
        assert (gateway.identity.asked, backend.seen) == ([], [])


async def test_through_an_http_proxy_a_connection_is_nobodys_own():
    async with RawBackend() as backend:
        async with gateway_of(backend) as gateway:
            client = await gateway.client()
            assert (await show(client, ALICE, extra="Via: 1.1 proxy\r\n")).status == 403
            assert gateway.identity.records[-1].reason is Reason.PROXIED_TICKET
            assert (await show(client, ALICE)).status == 200
            assert (await client.ask(user=None, extra="Via: 1.1 proxy\r\n")).status == 403
            assert gateway.identity.records[-1].reason is Reason.PROXIED_TICKET
            await client.send(leg(TYPE1, extra="Via: 1.1 proxy\r\n"))
            assert (await client.read_answer()).status == 403
            assert gateway.identity.records[-1].reason is Reason.PROXIED_NTLM
        async with gateway_of(backend, listener={**INSIDE, "behind_http_proxy": True}) as gateway:
            client = await gateway.client()
            assert all(
                not value.startswith(b"Negotiate") for value in challenges(await client.ask(user=None))
            )
            assert (await show(client, ALICE)).status == 403


async def test_the_binding_is_the_application_data_of_the_certificate_that_was_shown(tmp_path):
    certificate = make_certificate(tmp_path, HOST)
    listener = {**INSIDE, "certificates": (certificate,)}
    async with RawBackend() as backend, gateway_of(backend, listener=listener) as gateway:
        client = await gateway.client(ssl=trusting(certificate), server_hostname=HOST)
        assert (await show(client, ALICE)).status == 200
        digest = hashlib.sha256(der_of(certificate)).digest()
        assert gateway.identity.asked[0].credential.channel_binding == b"tls-server-end-point:" + digest


@pytest.mark.parametrize("size", [30_000, 60_000, 72_000])
async def test_large_tickets_pass_also_in_small_pieces_and_behind_a_pipelined_request(size):
    large = in_spnego(ticket("alice", "R" * size))
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        request = leg(large, "Negotiate", body=b"x")
        for start in range(0, len(request), 9000):
            await client.send(request[start : start + 9000])
        assert (await client.read_answer()).body == b"alice:x"
        await client.send(leg(ALICE, "Negotiate", body=b"1") + request)
        assert (await client.read_answer()).body == b"alice:1"
        assert (await client.read_answer()).body == b"alice:x"


async def test_a_head_above_the_listeners_limit_is_refused():
    async with RawBackend() as backend, gateway_of(backend, listener={"inside": True}) as gateway:
        assert (await show(await gateway.client(), in_spnego(ticket("alice", "R" * 40_000)))).status == 431


async def test_a_request_that_is_refused_gets_no_proof_of_ours():
    async def cut(peer):
        await peer.read_request()

    async with RawBackend(cut) as backend, gateway_of(backend) as gateway:
        answer = await show(await gateway.client(), ALICE)
        assert (answer.status, challenges(answer)) == (502, [])


async def test_legs_without_end_cost_a_refusal_each_and_leave_nothing_behind():
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        offered = encode_init([NTLM_OID])
        for number in range(150):
            token = (offered, encode_init([NTLM_OID], TYPE1), ticket("mallory"))[number % 3]
            assert (await show(client, token)).status == 401
        assert backend.seen == []
        state = gateway.worker.state
        await until(lambda: not state.tasks - {task for task in state.tasks if task.done()})
        (connection,) = state.connections
        assert (connection.sign_in.session, connection.sign_in.pending_id) == (b"", "")
        assert (await show(client, ALICE, body=b"1")).body == b"alice:1"


KERBEROS_ALONE = encode_init([KERBEROS_OID], TYPE1)
HINTS = encode_element(0xA3, encode_element(0x30, encode_element(0xA0, encode_element(0x1B, b"not_defined"))))


def init2() -> bytes:
    """NegTokenInit2, which servers alone send: hints where a client's token has its mechListMIC. Source: MS-SPNG 2.2.1."""
    listed = encode_element(0xA0, encode_element(0x30, encode_element(0x06, encode_oid(NTLM_OID))))
    body = encode_element(0xA0, encode_element(0x30, listed + HINTS))
    return encode_element(0x60, encode_element(0x06, encode_oid(SPNEGO_OID)) + body)


@pytest.mark.parametrize(
    "token",
    [
        init2(),
        encode_resp(neg_state=NegState.REQUEST_MIC),
        encode_resp(neg_state=NegState.ACCEPT_COMPLETED, supported_mech=KERBEROS_OID),
        encode_resp(mech_list_mic=b"mic"),
        encode_init([KERBEROS_OID], None, b"mic"),
        encode_init([KERBEROS_OID] * 17, ALICE),
        encode_init([NTLM_OID], b"NTLMSSP\0\2\0\0\0" + bytes(40)),
    ],
    ids=["Init2", "request-mic", "completed", "a MIC alone", "no ticket", "17 mechanisms", "a challenge"],
)
async def test_negotiations_that_are_none_are_refused_and_the_next_request_is_served(token):
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        client = await gateway.client()
        answer = await show(client, token)
        assert (answer.status, backend.seen, gateway.identity.asked) == (401, [], [])
        assert (await show(client, ALICE, body=b"1")).body == b"alice:1"


async def test_ntlm_under_a_list_that_does_not_have_it_is_refused():
    """The list is what a client that was tampered with would have signed: what is not in it was not chosen by the client."""
    async with RawBackend() as backend, gateway_of(backend) as gateway:
        answer = await show(await gateway.client(), KERBEROS_ALONE)
        assert (answer.status, gateway.identity.challenges) == (401, {})
