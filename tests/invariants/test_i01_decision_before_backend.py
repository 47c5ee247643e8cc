"""I1: no back-end byte is sent before the decision, and none before what has to be looked at was looked at."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.reasons import Reason
from handfast.gateway.handlings import EWS_HANDLING
from handfast.gateway.inspecting import PrefixWaiter, WholeWaiter
from handfast.gateway.sign_in import Step
from tests.fakes.gateway_peers import FakeIdentity, Gateway, RawBackend, request_bytes, until
from tests.fakes.transforming import EWS, POX, ExchangeGateway

ATTACKS = {
    "no credential": request_bytes(user=None, body=b"x" * 3000),
    "wrong secret": request_bytes(
        user=None, extra="Authorization: Basic YWxpY2U6d3Jvbmc=\r\n", body=b"x" * 3000
    ),
    "a large body at once": request_bytes(user=None, body=b"x" * 200_000),
    "chunks at once": request_bytes(user=None, body=None, extra="Transfer-Encoding: chunked\r\n")
    + b"3\r\nabc\r\n0\r\n\r\n",
    "a right secret, not judged yet": request_bytes(body=b"x" * 3000),
}


SILENT_SECONDS, HEARD_SECONDS = 0.1, 20.0
"""How long nothing must be heard; how long a busy machine may take where something is."""


async def attack(name: str, *, is_heard: bool = False) -> list[bytes]:
    """What the back end had received while identity was still thinking."""
    identity = FakeIdentity(gate=asyncio.Event())
    async with RawBackend() as backend, Gateway(backend.url, identity=identity) as gateway:
        try:
            client = await gateway.client()
            await client.send(ATTACKS[name])
            await until(lambda: bool(identity.asked or gateway.identity.records or backend.seen))
            with contextlib.suppress(TimeoutError):  # identity thinks on: there is time for a byte to arrive
                await until(lambda: bool(backend.seen), HEARD_SECONDS if is_heard else SILENT_SECONDS)
            return backend.heads
        finally:
            identity.gate.set()


async def judge_nothing(step: Step, request) -> Decision:
    """The decision taken out: everybody is alice. The question is still asked, as it would be by a careless gateway."""
    task = asyncio.ensure_future(step._conn.state.decider.evaluate(request))
    step._conn.state.tasks.add(task)
    grant = Grant("g", request.publication, 1, "alice", 10**6, 300.0)
    return Decision(Outcome.ALLOW, Reason.ALLOWED, grant)


@pytest.mark.parametrize("name", ATTACKS)
async def test_the_back_end_hears_nothing_before_the_decision(name):
    assert await attack(name) == []


@pytest.mark.parametrize("name", ATTACKS)
async def test_without_the_decision_it_hears(name, monkeypatch):
    monkeypatch.setattr(Step, "evaluate", judge_nothing)
    assert await attack(name, is_heard=True) != []


SOAP = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
XML = "Content-Type: text/xml; charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
LOOKED_AT = {"the beginning of EWS": (EWS, SOAP), "all of Autodiscover": (POX, b"<Autodiscover>")}


async def begin(name: str) -> list[bytes]:
    """What the back end had received of a request whose body has begun, and not said enough yet."""
    target, body = LOOKED_AT[name]
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=request_bytes(target=target, body=None, extra=XML))
        await client.send(b"%x\r\n%b\r\n" % (len(body), body))
        await until(lambda: bool(gateway.identity.asked))
        await asyncio.sleep(0.05)
        return backend.heads


@pytest.mark.parametrize("name", LOOKED_AT)
async def test_the_back_end_hears_nothing_before_the_body_was_looked_at(name):
    assert await begin(name) == []


@pytest.mark.parametrize("name", LOOKED_AT)
async def test_without_looking_it_hears(name, monkeypatch):
    monkeypatch.setattr(PrefixWaiter, "take", lambda self, _pieces, *, is_done: self._exchange.go_on())
    monkeypatch.setattr(WholeWaiter, "take", lambda self, _pieces, *, is_done: self._exchange.go_on())
    assert EWS_HANDLING.reads_prefix is not None
    assert await begin(name) != []
