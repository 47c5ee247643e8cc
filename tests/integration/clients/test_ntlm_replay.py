"""NTLM on the wire against somebody who listens: every proof is good once, on the connection its challenge was made for."""

from __future__ import annotations

import base64
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import spnego

from handfast.protocols.ntlm.challenge import ServerNames, encode_challenge
from handfast.protocols.ntlm.messages import parse_negotiate
from handfast.protocols.spnego.tokens import unwrap, wrap_challenge
from tests.installation import HOST
from tests.integration.clients.wire import OWN_CODE, authorization, wire

CHALLENGE_LIFE = timedelta(seconds=60)
MARGIN = timedelta(seconds=1)
SCHEMES = pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])


def new_context(person, scheme):
    return spnego.client(
        person.upn,
        person.password,
        hostname=HOST,
        service="http",
        protocol=scheme.lower(),
        options=OWN_CODE[scheme],
    )


@SCHEMES
def test_on_the_same_connection(site, alice, arrived, logged, folder_sync, scheme):
    with wire(site) as client:
        answer, sent = client.sign_in(alice.query(), folder_sync, alice.upn, alice.password, scheme=scheme)
        assert answer.status == 200
        for _ in range(2):
            assert client.post(alice.query(), folder_sync, sent[-1]).status == 401
        # Who presents a used proof is nobody, also on a connection that was somebody's.
        assert client.post(alice.query(), folder_sync).status == 401
    assert len(arrived()) == 1
    logged("reason=ntlm-challenge-unknown")


@SCHEMES
def test_the_whole_handshake_on_the_same_connection(site, alice, arrived, folder_sync, scheme):
    with wire(site) as client:
        _, sent = client.sign_in(alice.query(), folder_sync, alice.upn, alice.password, scheme=scheme)
        assert [client.post(alice.query(), folder_sync, value).status for value in sent] == [401, 401]
    assert len(arrived()) == 1


@SCHEMES
@pytest.mark.parametrize("begins", [False, True], ids=["proof alone", "whole handshake"])
def test_on_another_connection(site, alice, arrived, folder_sync, scheme, begins):
    with wire(site) as first:
        _, sent = first.sign_in(alice.query(), folder_sync, alice.upn, alice.password, scheme=scheme)
        with wire(site) as second:
            for value in sent if begins else sent[-1:]:
                assert second.post(alice.query(), folder_sync, value).status == 401
            assert second.post(alice.query(), folder_sync).status == 401
        # The rightful connection is not disturbed.
        assert first.post(alice.query(), folder_sync).status == 200
    assert arrived.users() == [alice.upn] * 2


@SCHEMES
def test_a_challenge_of_another_connection(site, alice, arrived, folder_sync, scheme):
    """A relay: the victim is shown the challenge the attacker got, and its answer comes from the attacker's."""
    with wire(site) as attackers, wire(site) as victims:
        context = new_context(alice, scheme)
        first = authorization(scheme, context.step())
        challenge = attackers.post(alice.query(), b"", first).token(scheme)
        assert victims.post(alice.query(), b"", first).token(scheme) != challenge
        proof = authorization(scheme, context.step(challenge))
        assert victims.post(alice.query(), folder_sync, proof).status == 401
        assert victims.post(alice.query(), folder_sync).status == 401
        assert arrived() == []
        # It is good where it belongs, once.
        assert attackers.post(alice.query(), folder_sync, proof).status == 200
        assert attackers.post(alice.query(), folder_sync, proof).status == 401
    assert arrived.users() == [alice.upn]


@SCHEMES
def test_a_foreign_challenge(site, alice, arrived, folder_sync, scheme):
    """A proof over eight bytes that somebody else chose."""
    with wire(site) as client:
        context = new_context(alice, scheme)
        token = context.step()
        client.post(alice.query(), b"", authorization(scheme, token))
        negotiate = token if scheme == "NTLM" else unwrap(token).ntlm_message
        names = ServerNames("EVIL", "EVIL", "evil.example", "evil.example")
        foreign = encode_challenge(b"\x11" * 8, names, datetime.now(UTC), parse_negotiate(negotiate).flags)
        proof = context.step(foreign if scheme == "NTLM" else wrap_challenge(foreign))
        assert client.post(alice.query(), folder_sync, authorization(scheme, proof)).status == 401
        assert client.post(alice.query(), folder_sync).status == 401
    assert arrived() == []


def test_a_stale_challenge(site, alice, arrived, logged, folder_sync):
    """A proof that comes later than the challenge lives; half a life before, one of the same age was good."""
    with ExitStack() as connections:
        begun = []
        for scheme in ("NTLM", "Negotiate", "NTLM", "Negotiate"):
            client, context = connections.enter_context(wire(site)), new_context(alice, scheme)
            answer = client.post(alice.query(), b"", authorization(scheme, context.step()))
            begun.append((client, authorization(scheme, context.step(answer.token(scheme)))))
        for wait, pairs, status in (
            (CHALLENGE_LIFE / 2, begun[:2], 200),
            (CHALLENGE_LIFE / 2 + MARGIN, begun[2:], 401),
        ):
            time.sleep(wait.total_seconds())
            for client, proof in pairs:
                assert client.post(alice.query(), folder_sync, proof).status == status
    assert len(arrived()) == 2
    logged("reason=ntlm-challenge-unknown")


def test_a_second_sign_in_on_a_connection_ends_the_first(site, alice, bob, arrived, folder_sync):
    with wire(site) as client:
        assert client.sign_in(alice.query(), folder_sync, alice.upn, alice.password)[0].status == 200
        assert client.sign_in(bob.query(), folder_sync, bob.upn, bob.password)[0].status == 200
        assert client.post(bob.query(), folder_sync).status == 200
        # It is Bob's now: Alice's phone is no phone of his.
        assert client.post(alice.query(), folder_sync).status == 403
        assert client.sign_in(alice.query(), folder_sync, alice.upn, bob.password)[0].status == 401
        assert client.post(bob.query(), folder_sync).status == 401
    assert arrived.users() == [alice.upn, bob.upn, bob.upn]


def test_an_ntlm_connection_goes_on_as_another_by_basic_and_is_nobodys_after_it(
    site, alice, bob, arrived, folder_sync
):
    basic = "Basic " + base64.b64encode(f"{bob.user}:{bob.password}".encode()).decode()
    with wire(site) as client:
        assert client.sign_in(alice.query(), folder_sync, alice.upn, alice.password)[0].status == 200
        assert client.post(bob.query(), folder_sync, basic).status == 200
        assert client.post(alice.query(), folder_sync).status == 401
    assert arrived.users() == [alice.upn, bob.upn]


def test_a_proof_without_any_challenge(site, alice, arrived, folder_sync):
    context = new_context(alice, "NTLM")
    negotiate = parse_negotiate(context.step())
    names = ServerNames("HANDFAST", "GATEWAY", "handfast.invalid", "gateway.handfast.invalid")
    proof = context.step(encode_challenge(bytes(8), names, datetime.now(UTC), negotiate.flags))
    with wire(site) as client:
        assert client.post(alice.query(), folder_sync, authorization("NTLM", proof)).status == 401
    assert arrived() == []
