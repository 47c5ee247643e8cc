"""What the gateway answers by itself: nobody signs in for it, and nothing goes behind."""

from __future__ import annotations

import pytest

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.gateway.handling import Handling
from handfast.rewriting.answers import RefusedRequest, WholeAnswer
from tests.fakes.gateway_peers import RawBackend, request_bytes
from tests.fakes.transforming import ExchangeGateway

JSON = "/autodiscover/autodiscover.json?Email=alice@example.org&Protocol=Ews"


async def test_it_is_the_same_for_everybody_and_reaches_nobody():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client()
        answers = [
            await client.ask(target=JSON.replace("alice", name), method="GET", body=None, user=user)
            for name in ("alice", "bob", "nobody")
            for user in (None, "alice")
        ]
        assert {(answer.status, answer.body) for answer in answers} == {(200, b"{}")}
        assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
        assert gateway.identity.asked == []
        assert backend.heads == []
        record = gateway.identity.records[0]
        assert (record.outcome, record.reason, record.status) == (Outcome.ALLOW, Reason.ANSWERED_HERE, 200)


async def test_it_sees_the_query_as_it_came():
    seen = []

    def local(request):
        seen.append(request)
        return WholeAnswer(302, b"", b"", b"https://mail.example.org/a")

    async with RawBackend() as backend, ExchangeGateway(backend.url, local=local) as gateway:
        answer = await (await gateway.client()).ask(target=JSON, method="GET", body=None, user=None)
        assert (answer.status, answer.headers["location"]) == (302, "https://mail.example.org/a")
        assert seen[0].query == "Email=alice@example.org&Protocol=Ews"


async def test_it_may_refuse():
    def local(_):
        return RefusedRequest(Reason.MALFORMED_REQUEST, "odd")

    async with RawBackend() as backend, ExchangeGateway(backend.url, local=local) as gateway:
        answer = await (await gateway.client()).ask(target=JSON, method="GET", body=None, user=None)
        assert answer.status == 400


async def test_head_and_keep_alive():
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        client = await gateway.client(before=2 * request_bytes(target=JSON, method="GET", body=None))
        assert (await client.read_answer()).body == b"{}"
        assert (await client.read_answer()).body == b"{}"


def test_a_rule_that_nobody_answers_is_no_configuration():
    with pytest.raises(ValueError, match="nothing answers it"):
        ExchangeGatewayModel(
            {
                "autodiscover-pox": Handling(rewriter=object()),
                "autodiscover-soap": Handling(rewriter=object()),
            }
        )


def test_autodiscover_without_a_rewriter_is_no_configuration():
    with pytest.raises(ValueError, match="it has no rewriter"):
        ExchangeGatewayModel({})


def test_ews_whose_beginning_nobody_reads_is_no_configuration():
    with pytest.raises(ValueError, match="nothing reads its beginning"):
        ExchangeGatewayModel(
            {
                "autodiscover-pox": Handling(rewriter=object()),
                "autodiscover-soap": Handling(rewriter=object()),
                "autodiscover-json": Handling(answers=lambda _: None),
                "autodiscover-json-v1": Handling(answers=lambda _: None),
                "ews": Handling(rewriter=object()),
            }
        )


def ExchangeGatewayModel(handlings):
    from handfast.decision.publication import Publication
    from handfast.decision.rules.exchange import EXCHANGE_RULES
    from handfast.gateway.handlings import complete_handlings

    return complete_handlings(Publication("mail", ("h",), EXCHANGE_RULES), handlings)
