"""A policy that changes while a proof or a ticket is being looked at: both are good for one time, and asked about once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from handfast.decision.access import AccessRequest, ConnectionCredential, NtlmCredential, TicketCredential
from handfast.decision.outcome import Decision, Outcome
from handfast.decision.reasons import Reason
from tests.fakes.gateway_peers import FakeIdentity, RawBackend, until
from tests.integration.gateway.test_ntlm import OTHER, TYPE1, leg, type3
from tests.integration.gateway.test_tickets_in_front import ALICE, gateway_of


class OneTime:
    """Decides as identity does: what was shown once is refused the second time."""

    def __init__(self) -> None:
        self._shown: set[bytes] = set()

    def __call__(self, request: AccessRequest) -> Decision | None:
        token = getattr(request.credential, "token", None)
        if token is None:
            return None
        is_replayed = token in self._shown
        self._shown.add(token)
        return Decision(Outcome.DENY, Reason.TICKET_REPLAYED) if is_replayed else None


async def begin(gateway: Any, kind: type) -> Any:
    """A client that has shown its proof, or its ticket."""
    client = await gateway.client()
    if kind is NtlmCredential:
        await client.send(leg(TYPE1))
        assert (await client.read_answer()).status == 401
    proof = leg(type3("alice"), body=b"1") if kind is NtlmCredential else leg(ALICE, "Negotiate", body=b"1")
    await client.send(proof)
    return client


@pytest.mark.parametrize("kind", [NtlmCredential, TicketCredential])
async def test_what_is_asked_anew_is_the_session_that_came_of_it(kind):
    identity = FakeIdentity(answers=OneTime())
    identity.gate = asyncio.Event()
    async with RawBackend() as backend, gateway_of(backend, identity=identity) as gateway:
        client = await begin(gateway, kind)
        await until(lambda: identity.asked)
        gateway.worker.state.grants.forget_all()
        identity.gate.set()
        answer = await client.read_answer()
        assert (answer.status, answer.body) == (200, b"alice:1")
        assert ("www-authenticate" in answer.headers) is (kind is TicketCredential), (
            "a ticket's answer is kept"
        )
        assert [type(one.credential) for one in identity.asked] == [kind, ConnectionCredential]
        assert (await client.ask(user=None, target=OTHER, body=b"2")).body == b"alice:2"


@pytest.mark.parametrize("kind", [NtlmCredential, TicketCredential])
async def test_the_new_policy_decides(kind):
    def refuse_sessions(request: AccessRequest) -> Decision | None:
        is_session = isinstance(request.credential, ConnectionCredential)
        return Decision(Outcome.DENY, Reason.ACCESS_REFUSED) if is_session else None

    identity = FakeIdentity(answers=refuse_sessions)
    identity.gate = asyncio.Event()
    async with RawBackend() as backend, gateway_of(backend, identity=identity) as gateway:
        client = await begin(gateway, kind)
        await until(lambda: identity.asked)
        gateway.worker.state.grants.forget_all()
        identity.gate.set()
        assert (await client.read_answer()).status == 403
        assert not backend.seen
