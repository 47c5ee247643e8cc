"""A signed-in request that its inspector refuses for its method is told which one would do (RFC 9110 15.5.6)."""

from __future__ import annotations

import pytest

from handfast.decision.reasons import Reason
from handfast.rewriting.answers import InspectedRequest, PrincipalNames, RefusedRequest
from tests.fakes.gateway_peers import RawBackend
from tests.fakes.transforming import POX, ExchangeGateway


class PostAlone:
    """Takes nothing but POST."""

    max_bytes = 1000

    def inspect(
        self, request: InspectedRequest, principal: PrincipalNames
    ) -> InspectedRequest | RefusedRequest:
        del principal
        if request.method == b"POST":
            return request
        return RefusedRequest(Reason.METHOD_REFUSED, "by POST", allow=(b"POST",))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_answer_names_the_method_that_may(method):
    async with RawBackend() as backend, ExchangeGateway(backend.url, inspector=PostAlone()) as gateway:
        client = await gateway.client()
        answer = await client.ask(method=method, target=POX, body=None)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert gateway.identity.records[0].reason is Reason.METHOD_REFUSED
        assert backend.heads == []
