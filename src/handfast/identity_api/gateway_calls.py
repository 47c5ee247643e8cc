"""The calls of the gateway API: challenge, evaluate, back-end token (its refusal, the server's proof), wipe, events,
revocations.

Paths are `/v1/challenge`, `/v1/evaluate`, `/v1/authorize`, `/v1/refused`, `/v1/confirm`, `/v1/wipe`, `/v1/events` (POST)
and `/v1/revocations?after=EPOCH` (GET, a stream). Answers: 200; 400 the call can't be read; 403 not for that node; 409 no
back-end sign-in, with its reason; 422 the client's own message can't be read; 503 try later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.ports import (
    BackendSignIn,
    BackendSignInRefused,
    Decider,
    DeviceReports,
    GatewayEvent,
    WipeReport,
)
from handfast.decision.reasons import Reason
from handfast.decision.reported import REFUSED_EVENT
from handfast.identity.ports import Unavailable
from handfast.identity_api.codec import (
    decode_access_request,
    decode_event,
    decode_grant,
    decode_wipe_report,
    encode_authorization,
    encode_challenge,
    encode_decision,
)
from handfast.identity_api.fields import Fields, encode_object, parse_object
from handfast.identity_api.http_server import HttpConnection
from handfast.identity_api.node_budget import FAILURES, NodeBudget, may_be_guessed
from handfast.identity_api.revocation_feed import RevocationFeed
from handfast.identity_api.sign_in_calls import (
    AuthorizeCall,
    ConfirmCall,
    decode_authorize_call,
    decode_confirm_call,
)
from handfast.identity_api.wire import Answer, Request
from handfast.observability.logging import event_log
from handfast.protocols.errors import MalformedMessage

MAX_EVENTS = 1000
RETRY_AFTER_SECONDS = 30

_LOG = event_log("identity-api")
_DONE = Answer(200)
_UNKNOWN_CALL = Answer(404, b'{"error":"unknown-call"}')


class NotForThisNode(Exception):
    """The node asks for what its certificate does not name."""


@dataclass(slots=True, eq=False)
class Caller:
    """Who is at the other end. On identity's own machine `node` is None: the socket's mode says who may come.

    `reported` keeps a hostile node from filling our log: one line for each call it was refused, a connection.
    """

    node: str | None = None
    publications: frozenset[str] = frozenset()
    serial: str = ""
    not_after: float = float("inf")
    budget: NodeBudget | None = None
    reported: set[str] = field(default_factory=set)

    def check(self, node: str | None, publication: str) -> None:
        """Raises: NotForThisNode."""
        if self.node is None:
            return
        if node is not None and node != self.node:
            raise NotForThisNode(f"node {node!r}")
        if publication not in self.publications:
            raise NotForThisNode(f"publication {publication!r}")


@dataclass(frozen=True, slots=True)
class InsideListeners:
    """Listeners that only the inside reaches, where more is taken; and the nodes of other machines that have such ones.

    A node names its listener itself: one in the DMZ that was taken over must not pass for the inside.
    """

    names: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()

    def check(self, caller: Caller, listener: str) -> None:
        """Raises: NotForThisNode."""
        if caller.node is not None and listener in self.names and caller.node not in self.nodes:
            raise NotForThisNode(f"inside listener {listener!r}")


NO_INSIDE = InsideListeners()


class NoDeviceReports:
    """Fits `decision.ports.DeviceReports` where nobody keeps wipes: there is none to report on."""

    async def report_wipe(self, report: WipeReport) -> bool:
        """Never stored."""
        del report
        return False


class GatewayCalls:
    """Answers the calls of any connection.

    `local_only` names publications whose stored secrets never leave here, `per_connection` those that are signed in to
    with a ticket bound to the back-end connection: nothing can be said ahead of it.
    """

    def __init__(
        self,
        decider: Decider,
        sign_in: BackendSignIn,
        feed: RevocationFeed,
        events: Callable[[str, GatewayEvent], None],
        local_only: frozenset[str],
        devices: DeviceReports | None = None,
        per_connection: frozenset[str] = frozenset(),
        inside: InsideListeners = NO_INSIDE,
    ) -> None:
        self._decider = decider
        self._sign_in = sign_in
        self._feed = feed
        self._events = events
        self.local_only = local_only
        self.per_connection = per_connection
        self.inside = inside
        self._devices = devices or NoDeviceReports()

    async def answer(self, request: Request, caller: Caller, connection: HttpConnection) -> Answer | None:
        """The answer of a call; None once the connection is a stream. Raises nothing a caller could cause."""
        try:
            return await self._call(request, caller, connection)
        except NotForThisNode as refusal:
            if request.path not in caller.reported:
                caller.reported.add(request.path)
                _LOG.error("node-overreached", node=caller.node, call=request.path, asked=str(refusal))
            return Answer(403, encode_object({"error": "not-for-this-node"}))
        except BackendSignInRefused as refusal:
            return Answer(409, encode_object({"error": "sign-in-refused", "reason": refusal.reason}))
        except MalformedMessage as problem:
            return Answer(400, encode_object({"error": "malformed", "message": str(problem)}))
        except Unavailable as problem:
            return Answer(503, encode_object({"error": "unavailable", "message": str(problem)}))

    async def _call(self, request: Request, caller: Caller, connection: HttpConnection) -> Answer | None:
        match request.method, request.path:
            case "POST", "/v1/evaluate":
                return await self._evaluate(decode_access_request(parse_object(request.body)), caller)
            case "POST", "/v1/challenge":
                return await self._challenge(request.body, caller)
            case "POST", "/v1/authorize":
                return await self._authorize(decode_authorize_call(parse_object(request.body)), caller)
            case "POST", "/v1/confirm":
                return await self._confirm(decode_confirm_call(parse_object(request.body)), caller)
            case "POST", "/v1/refused":
                fields = Fields("call", parse_object(request.body), frozenset({"grant", "version"}))
                grant = self._own_grant(decode_grant(fields.raw("grant")), caller)
                await self._sign_in.report_refused(grant, fields.text("version"))
                return _DONE
            case "POST", "/v1/wipe":
                return await self._report_wipe(decode_wipe_report(parse_object(request.body)), caller)
            case "POST", "/v1/events":
                return self._take_events(request.body, caller)
            case "GET", "/v1/revocations":
                await self._feed.open(connection, _after(request.query))
                return None
            case _:
                return _UNKNOWN_CALL

    async def _authorize(self, call: AuthorizeCall, caller: Caller) -> Answer:
        grant = self._own_grant(call.grant, caller)
        authorization = await self._sign_in.authorize(grant, call.channel_binding)
        return Answer(200, encode_object(encode_authorization(authorization)))

    async def _confirm(self, call: ConfirmCall, caller: Caller) -> Answer:
        grant = self._own_grant(call.grant, caller)
        is_proven = await self._sign_in.confirm(grant, call.handle, call.token)
        return Answer(200, encode_object({"proven": is_proven}))

    async def _challenge(self, body: bytes, caller: Caller) -> Answer:
        names = frozenset({"publication", "connection_id", "negotiate"})
        fields = Fields("call", parse_object(body), names)
        publication, connection_id = fields.text("publication"), fields.text("connection_id")
        negotiate = fields.octets("negotiate")
        caller.check(None, publication)
        try:
            challenge = await self._decider.issue_challenge(publication, connection_id, negotiate)
        except MalformedMessage as problem:
            return _client_malformed(problem)
        return Answer(200, encode_object(encode_challenge(challenge)))

    async def _evaluate(self, request: AccessRequest, caller: Caller) -> Answer:
        caller.check(request.node, request.publication)
        self.inside.check(caller, request.listener)
        if caller.node is None or caller.budget is None:
            decision = await self._decider.evaluate(request)
        else:
            decision = await self._evaluate_for_node(replace(request, node=caller.node), caller.budget)
        decision = await self._authorized(decision, caller)
        return Answer(200, encode_object(encode_decision(decision, with_stages=False)))

    async def _authorized(self, decision: Decision, caller: Caller) -> Decision:
        """A good decision with the sign-in behind it, which the gateway would ask for next.

        Where that fails it stays away: the gateway asks, and hears why. A stored secret never leaves for another machine.
        """
        grant = decision.grant
        if grant is None or grant.publication in self.per_connection:
            return decision
        if caller.node is not None and grant.publication in self.local_only:
            return decision
        try:
            authorization = await self._sign_in.authorize(grant)
        except (BackendSignInRefused, Unavailable):
            return decision
        return replace(decision, authorization=authorization)

    async def _evaluate_for_node(self, request: AccessRequest, budget: NodeBudget) -> Decision:
        now = asyncio.get_running_loop().time()
        if budget.is_spent(now) and may_be_guessed(request):
            self._events(request.node, _over_budget(request))
            return Decision(Outcome.DENY, Reason.OVERLOADED, retry_after_seconds=RETRY_AFTER_SECONDS)
        decision = await self._decider.evaluate(request)
        if decision.reason in FAILURES and not decision.is_repeat and not budget.spend(now):
            _LOG.error("node-budget-spent", node=request.node, publication=request.publication)
        return decision

    def _own_grant(self, grant: Grant, caller: Caller) -> Grant:
        """The grant as that node's own, whatever node it names. Raises: NotForThisNode, BackendSignInRefused."""
        if caller.node is None:
            return grant
        caller.check(grant.node, grant.publication)
        if grant.publication in self.local_only:
            _LOG.error("stored-secret-asked-from-afar", node=caller.node, publication=grant.publication)
            raise BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
        return replace(grant, node=caller.node)

    async def _report_wipe(self, report: WipeReport, caller: Caller) -> Answer:
        """The report as that node's own, whatever node it names: a note opens for the node it was given to alone."""
        stored = await self._devices.report_wipe(replace(report, node=caller.node or report.node))
        return Answer(200, encode_object({"stored": stored}))

    def _take_events(self, body: bytes, caller: Caller) -> Answer:
        fields = Fields("call", parse_object(body), frozenset({"node", "events"}))
        items = fields.items("events")
        if len(items) > MAX_EVENTS:
            _refuse_events()
        events = [decode_event(item) for item in items]
        node = fields.text("node") if caller.node is None else caller.node
        for event in events:
            if event.publication:
                caller.check(None, event.publication)
        for event in events:
            self._events(node, event)
        return _DONE


def _over_budget(request: AccessRequest) -> GatewayEvent:
    details = (
        ("request_id", request.request_id),
        ("reason", Reason.OVERLOADED.value),
        ("listener", request.listener),
        ("channel", request.channel.value),
        ("detail", "too many failures reported by that node"),
    )
    return GatewayEvent(REFUSED_EVENT, request.publication, request.source, details=details)


def _after(query: str) -> int:
    name, _, value = query.partition("=")
    if name != "after" or not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise MalformedMessage("identity-api", "query", "not after=EPOCH")
    return int(value)


def _client_malformed(problem: MalformedMessage) -> Answer:
    fields = {
        "protocol": problem.protocol,
        "field": problem.field,
        "problem": problem.problem,
        "source": problem.source,
        "status": problem.status,
    }
    return Answer(422, encode_object(fields))


def _refuse_events() -> NoReturn:
    raise MalformedMessage("identity-api", "events", f"more than {MAX_EVENTS}")
