"""A fault in what looks at messages closes: nothing passes for it, and nobody is left waiting."""

from __future__ import annotations

import logging

import pytest

from handfast.decision.reasons import Reason
from handfast.gateway import facts_copy, phones
from tests.fakes.gateway_peers import Gateway, RawBackend
from tests.fakes.transforming import POX, ExchangeGateway, FakeInspector, FakeRewriter
from tests.integration.transformers.test_phones import (
    ORDER,
    VERSION,
    WBXML,
    deny,
    device_information,
    provision,
    target,
)

JSON = "/autodiscover/autodiscover.json?Email=alice@example.org&Protocol=Ews"


def fail(*_, **__):
    raise ZeroDivisionError("a bug")


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL)


async def test_an_inspector_that_fails_lets_nothing_pass(monkeypatch):
    monkeypatch.setattr(FakeInspector, "inspect", fail)
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        assert (await (await gateway.client()).ask(target=POX, body=b"x")).status == 500
        assert backend.heads == []
        assert gateway.identity.records[0].reason is Reason.INTERNAL_ERROR


async def test_a_rewriter_that_fails_lets_nothing_out(monkeypatch):
    monkeypatch.setattr(FakeRewriter, "rewrite", fail)
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        answer = await (await gateway.client()).ask(target=POX, body=b"secret")
        assert answer.status == 502
        assert b"secret" not in answer.body
        assert gateway.identity.records[0].reason is Reason.ANSWER_WITHHELD


async def test_an_own_answer_that_fails_is_500():
    async with RawBackend() as backend, ExchangeGateway(backend.url, local=fail) as gateway:
        assert (await (await gateway.client()).ask(target=JSON, method="GET", body=None)).status == 500


async def test_facts_that_cannot_be_read_spoil_no_request(monkeypatch):
    monkeypatch.setattr(facts_copy, "read_facts", fail)
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        client = await gateway.client()
        body = provision(device_information())
        assert (await client.ask(target=target("Provision"), body=body, extra=VERSION + WBXML)).status == 200
        assert gateway.identity.events == []


async def test_a_phone_that_cannot_be_told_is_refused(monkeypatch):
    real, calls = phones.answer_for, []

    def second_fails(*arguments):
        calls.append(arguments)
        return real(*arguments) if len(calls) == 1 else fail()

    monkeypatch.setattr(phones, "answer_for", second_fails)
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_WIPE_PENDING, ORDER)
        client = await gateway.client()
        assert (await client.ask(target=target("Provision"), body=provision(), extra=VERSION)).status == 503
        assert len(calls) == 2


async def test_facts_of_a_waiting_phone_that_cannot_be_read_spoil_no_answer(monkeypatch):
    monkeypatch.setattr(facts_copy, "read_facts", fail)
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_PENDING, telling=b"sealed")
        client = await gateway.client()
        body = provision(device_information())
        assert (await client.ask(target=target("Provision"), body=body, extra=VERSION + WBXML)).status == 200
        assert gateway.identity.events == []
        assert backend.heads == []
