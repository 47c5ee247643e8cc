"""Outlook that asks for RPC over HTTP is told no at once: nobody waits for the gigabyte it announces."""

from __future__ import annotations

import pytest

from handfast.decision.reasons import Reason
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS
from tests.fakes.gateway_peers import RawBackend, request_bytes, until
from tests.fakes.transforming import ExchangeGateway

TARGET = "/rpc/rpcproxy.dll?0b6cd3a2-6c3b-4a2f-9b1e-0f6f0a1b2c3d@example.org:6001"


@pytest.mark.parametrize(("method", "length"), [("RPC_IN_DATA", 1024**3), ("RPC_OUT_DATA", 76)])
@pytest.mark.parametrize("user", [None, "alice"])
async def test_it_is_refused_before_its_body_and_any_sign_in(method, length, user):
    async with RawBackend() as backend, ExchangeGateway(backend.url, denials=EXCHANGE_DENIALS) as gateway:
        extra = f"Content-Length: {length}\r\n"
        client = await gateway.client(
            before=request_bytes(method=method, target=TARGET, user=user, body=None, extra=extra)
        )
        answer = await client.read_answer()
        assert answer.status == 403
        await until(lambda: bool(gateway.identity.records))
        record = gateway.identity.records[0]
        assert (record.reason, record.method) == (Reason.RPC_OVER_HTTP_REFUSED, method)
        assert gateway.identity.asked == []
        assert backend.heads == []
