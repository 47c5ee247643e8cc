"""An inspector and a rewriter that do what their bodies say, and a gateway that publishes Exchange with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from handfast.decision.reasons import Reason
from handfast.decision.rules.exchange import EXCHANGE_RULES
from handfast.gateway.handling import Handling
from handfast.rewriting.answers import (
    InspectedRequest,
    PrincipalNames,
    RefusedRequest,
    WholeAnswer,
    Withheld,
)
from tests.fakes.gateway_peers import Gateway

POX = "/autodiscover/autodiscover.xml"
EWS = "/EWS/Exchange.asmx"


@dataclass
class FakeInspector:
    """Refuses a body that says `refuse`; sends one that says `change` as another."""

    max_bytes: int = 1000
    seen: list[tuple[InspectedRequest, PrincipalNames]] = field(default_factory=list)

    def inspect(
        self, request: InspectedRequest, principal: PrincipalNames
    ) -> InspectedRequest | RefusedRequest:
        self.seen.append((request, principal))
        if b"refuse" in request.body:
            return RefusedRequest(Reason.COMMAND_REFUSED, "it says so")
        if b"change" in request.body:
            return replace(request, body=b"another body", content_type=b"text/other")
        return request


@dataclass
class FakeRewriter:
    """Takes `inside` out of an answer; withholds one that says `secret`."""

    max_bytes: int = 10_000
    seen: list[tuple[InspectedRequest, WholeAnswer]] = field(default_factory=list)

    def rewrite(self, request: InspectedRequest, answer: WholeAnswer) -> WholeAnswer | Withheld:
        self.seen.append((request, answer))
        if b"secret" in answer.body:
            return Withheld("names the inside", "ex01.corp.internal")
        location = answer.location and answer.location.replace(b"inside.corp.internal", b"mail.example.org")
        return replace(answer, body=answer.body.replace(b"inside", b"outside!"), location=location)


class ExchangeGateway(Gateway):
    """Publishes Exchange; `inspector` and `rewriter` stand for Autodiscover's."""

    def __init__(self, *urls: str, **options) -> None:
        self.inspector = options.pop("inspector", None) or FakeInspector()
        self.rewriter = options.pop("rewriter", None) or FakeRewriter()
        self.local = options.pop("local", lambda _: WholeAnswer(200, b"application/json", b"{}"))
        forwarded = Handling(inspector=self.inspector, rewriter=self.rewriter)
        own = Handling(answers=lambda request: self.local(request))
        handlings = {
            "autodiscover-pox": forwarded,
            "autodiscover-soap": forwarded,
            "autodiscover-json": own,
            "autodiscover-json-v1": own,
        }
        options.setdefault("handlings", handlings)
        super().__init__(*urls, rules=EXCHANGE_RULES, **options)
