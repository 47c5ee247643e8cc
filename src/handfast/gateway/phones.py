"""A phone that identity refuses is told in the words of its protocol, and one to be wiped is told that.

What is said is `rewriting.activesync`'s; here bodies of refused requests are collected for it, what must be on record
before the phone hears it is reported first, and what a waiting phone says of itself is reported on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from handfast.decision.outcome import Decision
from handfast.decision.reasons import Reason
from handfast.gateway.facts_copy import waiting_facts
from handfast.identity.channels import Channel
from handfast.identity.policies import DevicePolicy
from handfast.identity.ports import Unavailable
from handfast.rewriting.activesync import (
    MAX_FACTS_BYTES,
    NeedsBody,
    PhoneAnswer,
    PhoneRequest,
    WipeStep,
    answer_for,
)

if TYPE_CHECKING:
    from handfast.gateway.exchange import Exchange
    from handfast.gateway.routing import Route
    from handfast.protocols.http1.head import RequestHead

_log = logging.getLogger(__name__)


def is_phone(route: Route | None) -> bool:
    """True where refusals are told in ActiveSync's own way."""
    return route is not None and route.rule.channel is Channel.ACTIVESYNC


def describe_phone(exchange: Exchange, head: RequestHead | None) -> PhoneRequest:
    """A refused request of a phone, without its body."""
    route = exchange.route
    assert route is not None
    said = head.fields.get(b"ms-asprotocolversion", b"") if head is not None else b""
    return PhoneRequest(
        at=datetime.now(UTC),
        command=route.command,
        protocol_version=route.protocol_version or said.decode("ascii", "replace"),
        host=route.host.decode("ascii"),
        login=exchange.login,
    )


def refuse_phone(exchange: Exchange, decision: Decision, request: PhoneRequest) -> None:
    """Tells a phone of identity's decision; asks for the body first where the answer depends on it, or the phone may say
    there what it is.
    """
    route = exchange.route
    assert route is not None
    if decision.telling and request.body is None and not request.is_too_long:
        exchange.await_body(PhoneBody(exchange, decision, request, MAX_FACTS_BYTES))
        return
    if decision.telling and request.body:
        _learn(exchange, route.app.publication.name, decision.telling, request.body)
    said = answer_for(decision.reason, request, _policy_of(route, decision), decision.wipe)
    match said:
        case None:
            exchange.tell_refused(decision)
        case PhoneAnswer():
            exchange.tell_refused(
                decision, reply=_identified(said, exchange.request_id), hold_seconds=said.hold_seconds
            )
        case NeedsBody():
            exchange.await_body(PhoneBody(exchange, decision, request, said.max_bytes))
        case WipeStep():
            exchange.state.spawn(_report_first(exchange, decision, said))
        case _:
            assert_never(said)


def _learn(exchange: Exchange, publication: str, note: bytes, body: bytes) -> None:
    """Reports what a phone that has to wait said of itself: whoever lets it in shall see what it is."""
    event = waiting_facts(publication, note, body)
    if event is not None:
        exchange.state.audit.record(event)


def _policy_of(route: Route, decision: Decision) -> DevicePolicy:
    """The publication's, with identity's words where it chose another policy for the account."""
    policy, words = route.app.publication.devices, decision.phone_words
    if words is None:
        return policy
    return replace(policy, phone_refusals=words.refusals, quarantine_message=words.quarantine_message)


async def _report_first(exchange: Exchange, decision: Decision, step: WipeStep) -> None:
    """Nothing of a wipe is said that is not on record."""
    try:
        is_stored = await exchange.state.reports.report_wipe(step.report)
    except Unavailable:
        exchange.refuse(Reason.IDENTITY_UNAVAILABLE)
        return
    except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
        _log.exception("request %s: a wipe could not be reported", exchange.request_id)
        exchange.refuse(Reason.INTERNAL_ERROR)
        return
    if is_stored:
        reply = _identified(step.answer, exchange.request_id)
        exchange.tell_refused(decision, reply=reply, hold_seconds=reply.hold_seconds)
    else:
        exchange.refuse(Reason.DEVICE_BLOCKED)


def _identified(answer: PhoneAnswer, request_id: str) -> PhoneAnswer:
    """With the id by which `handfast explain` knows the refusal, as every refusal has it."""
    return replace(answer, headers=(*answer.headers, (b"X-Request-Id", request_id.encode("ascii"))))


class PhoneBody:
    """Collects a refused request's body, where that decides how its refusal is told. Nothing of it goes behind."""

    __slots__ = ("_decision", "_exchange", "_max_bytes", "_pieces", "_request")

    def __init__(self, exchange: Exchange, decision: Decision, request: PhoneRequest, max_bytes: int) -> None:
        self._exchange = exchange
        self._decision = decision
        self._request = request
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []

    def take(self, pieces: Sequence[bytes], *, is_done: bool) -> None:
        """Takes more of the body; tells the phone once it is whole, or too long."""
        said, body = self._request, self._exchange.body
        if body.received + (body.bytes_left or 0) > self._max_bytes:
            self._ask_again(replace(said, is_too_long=True))
            return
        self._pieces += pieces
        if is_done:
            self._ask_again(replace(said, body=b"".join(self._pieces)))

    def _ask_again(self, request: PhoneRequest) -> None:
        self._exchange.stop_waiting()
        try:
            refuse_phone(self._exchange, self._decision, request)
        except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
            _log.exception("request %s: a phone could not be told", self._exchange.request_id)
            self._exchange.refuse(Reason.INTERNAL_ERROR)
