"""One request, from its head to its record: translate, find or ask for a grant, sign in behind, stream.

On the way that matters (a live grant, a kept back-end connection) everything happens in callbacks; a task is made only
to ask identity (`asking`), and to sign in behind or connect (`reaching`). This is the last of a request's four rooms: its
body is `forwarded`'s, its answer `answered`'s, ends and refusals are `refusable`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.decision.outcome import Decision, Outcome
from handfast.decision.ports import BackendAuthorization
from handfast.decision.reasons import Reason
from handfast.gateway.acting_for import is_named
from handfast.gateway.asking import ask_identity
from handfast.gateway.facts_copy import BodyCopy
from handfast.gateway.forwarded import MAX_HELD_BYTES, ForwardedExchange
from handfast.gateway.heads import request_head
from handfast.gateway.inspecting import (
    FOR_ANOTHER_BODY,
    answer_here,
    begin_inspection,
    describe,
    with_content_type,
)
from handfast.gateway.phones import describe_phone, is_phone, refuse_phone
from handfast.gateway.reaching import connect_anew, is_proven, sign_in_behind
from handfast.gateway.refusal import Refusal, refusal_of
from handfast.gateway.sign_in import begin_sign_in, find_same_again
from handfast.gateway.tickets import send_signed_in
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.framing import NO_BODY, ContentLength
from handfast.protocols.http1.head import RequestHead
from handfast.rewriting.answers import InspectedRequest, RefusedRequest, WholeAnswer

if TYPE_CHECKING:
    from handfast.gateway.downstream import DownstreamConnection
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.handling import Handling
    from handfast.gateway.head_memory import UnderstoodHead
    from handfast.gateway.routing import Route
    from handfast.gateway.state import RenderedReply
    from handfast.gateway.upstream import AnswerSink, UpstreamConnection
    from handfast.gateway.whole_answers import AnswerCollector

_NO_OPTIONS: frozenset[bytes] = frozenset()


class Exchange(ForwardedExchange):
    """One request of one connection, and its answer. Its public attributes are for the modules of this room."""

    __slots__ = ("_options",)

    def __init__(self, conn: DownstreamConnection) -> None:
        ForwardedExchange.__init__(self, conn)
        # For all rooms at once: this runs for each request, and a call for each room would be felt.
        self._out_chunked = False
        self._collector = None
        self._copy = None
        self._framing = NO_BODY
        self._held_bytes = 0
        self._options = _NO_OPTIONS

    # ---- the request arrives

    def start(self, understood: UnderstoodHead, rest: bytes) -> None:
        """Takes a head and the bytes that came after it."""
        head, framing, options = understood
        self._head, self.method, self._version = head, head.method, head.version
        self._framing, self._options = framing, options
        self._keep = b"close" not in options and (head.version == 1 or b"keep-alive" in options)
        if framing is NO_BODY:
            self._conn.body_done(rest)
        elif not self._begin_body(head, framing, rest):
            return
        try:
            self._admit(head)
        except MalformedMessage as fault:
            self.refuse_fault(refusal_of(fault))
        except Refusal as refusal:
            self.refused_by, self._allowed_methods = refusal, refusal.allow
            self.refuse(refusal.reason, status=refusal.status, detail=refusal.detail)

    def _admit(self, head: RequestHead) -> None:
        """Raises: Refusal, MalformedMessage."""
        conn = self._conn
        route = self.route = self.model.listeners[self.listener_name].router.route(head)
        if route.handling is not None and route.handling.answers is not None:
            self._answer_here(answer_here(route.handling.answers, describe(head, route)))
            return
        limit = route.app.config.max_body_bytes
        if limit:
            framing = self._framing
            announced = framing.length if isinstance(framing, ContentLength) else 0
            if max(announced, self.body.received) > limit:
                raise Refusal(Reason.BODY_TOO_LARGE)
        live = find_same_again(conn, head, route, self.started)
        if live is None:
            step = begin_sign_in(conn, head, route, self.request_id)
            self.login, live = step.login, step.live
            if live is None:
                self.state.spawn(ask_identity(self, step))
                return
        self.is_grant_reused = True
        self.forward(live)

    def _answer_here(self, answer: WholeAnswer | RefusedRequest) -> None:
        """Nobody signs in for what the gateway says by itself, and nothing is asked behind."""
        if isinstance(answer, RefusedRequest):
            self.refuse_request(answer)
        else:
            self.send_whole(answer, reason=Reason.ANSWERED_HERE)

    def refuse_decision(self, decision: Decision) -> None:
        """Identity said no."""
        self._conn.authenticated = None
        self.is_decided_by_identity = True
        self.is_repeat = decision.is_repeat
        if is_phone(self.route) and not self.is_settled:
            refuse_phone(self, decision, describe_phone(self, self._head))
        else:
            self.tell_refused(decision)

    def tell_refused(
        self, decision: Decision, *, reply: RenderedReply | None = None, hold_seconds: float = 0.0
    ) -> None:
        """Sends identity's refusal: as any channel is told, or with a reply that says it in the channel's own way."""
        self.refuse(
            decision.reason,
            delay=decision.delay_seconds,
            retry_after=decision.retry_after_seconds,
            reply=reply,
            hold_seconds=hold_seconds,
        )

    def challenge(self, value: bytes) -> None:
        """Answers with an NTLM challenge. The connection must live on, so a body that is due is asked for first."""
        self._ask_for_body()
        self.refuse(Reason.NTLM_CONTINUE, challenges=(value,))

    # ---- towards the back end

    def forward(self, live: LiveGrant) -> None:
        """The decision stands: look at the request where its rule wants that, then reach for the back end."""
        if self.is_over or self.is_refused:
            return
        self.live = live
        if self._conn.transport is None:
            self._end(Outcome.ALLOW, Reason.CLIENT_GONE)
            return
        route = self.route
        assert route is not None
        self.state.grants.begin(live, self)
        if route.handling is not None:
            self._inspect(route.handling, route, live)
        else:
            self._reach(live, route)

    def _reach(self, live: LiveGrant, route: Route) -> None:
        """Signs in, connects, sends. Not one byte went to a back end before this."""
        if route.app.config.backend.ticket_per:
            # A kept connection that is signed in by a ticket needs neither identity nor a task. What a grant was told to sign in
            # with is another configuration's, identity's or ours, and has no business here.
            if not send_signed_in(self, live, route):
                self.state.spawn(sign_in_behind(self, live, route))
            return
        authorization = live.authorization
        if authorization is None or not is_proven(self, live, authorization):
            self.state.spawn(sign_in_behind(self, live, route))
            return
        upstream = route.app.pool.find_idle(live.grant.account_id)
        if upstream is None:
            self.state.spawn(connect_anew(self, live, route, authorization))
            return
        self.send(upstream, authorization)

    def send(
        self,
        upstream: UpstreamConnection,
        authorization: BackendAuthorization,
        sink: AnswerSink | None = None,
    ) -> None:
        """Sends the request on a connection that is this exchange's from now on; its answer goes to `sink` (None: here)."""
        head, route, conn = self._head, self.route, self._conn
        assert head is not None
        assert route is not None
        self._upstream = upstream
        self.sent_version = authorization.version
        self.backend = upstream.backend.authority
        data = request_head(
            head,
            route,
            authorization,
            self._framing,
            target=self._target(route),
            options=self._options,
            authority=route.authority or route.host,
            source=conn.source,
            is_tls=conn.is_tls,
            request_id=self.request_id,
        )
        self._head = None
        held, self._held = self._held, None
        if route.may_teach:
            self._copy = BodyCopy()
            self._copy.keep(held or ())
        parts = (data, *self._framed(held)) if held or self._framing is not NO_BODY else (data,)
        upstream.begin(sink or self, parts, route.app.config.backend.answer_timeout_seconds)
        if self.awaits_continue:
            self._ask_for_body()
        if self._held_bytes > MAX_HELD_BYTES:
            conn.hold_for_decision(held=False)

    def _target(self, route: Route) -> bytes:
        """The target that is sent: as the route has it, unless its User names somebody else than the signed-in account."""
        if not route.claimed_user or self.live is None or is_named(self.live, route.claimed_user):
            return route.target
        self.detail = "the query's User is not the signed-in account: its own name was sent on"
        return route.target_for(self.live.grant.principal)

    # ---- the body is looked at before it goes behind

    def _inspect(self, handling: Handling, route: Route, live: LiveGrant) -> None:
        assert self._head is not None
        try:
            waiter = begin_inspection(self, handling, self._head, route, live)
        except MalformedMessage as fault:
            self.refuse_fault(refusal_of(fault))
            return
        if waiter is None:
            self._reach(live, route)
        elif isinstance(waiter, RefusedRequest):
            self.refuse_request(waiter)
        else:
            self.await_body(waiter)

    def refuse_request(self, said: RefusedRequest) -> None:
        """What looked at the request refuses it."""
        self.refused_by = Refusal(said.reason, status=said.status, detail=said.detail, rule=said.rule)
        self._allowed_methods = said.allow
        self.refuse(said.reason, status=said.status, detail=said.detail)

    def go_on(self) -> None:
        """The waiter is content with the body as it came."""
        self._waiter = None
        if not self.is_settled:
            assert self.live is not None
            assert self.route is not None
            self._reach(self.live, self.route)

    def go_on_with(self, request: InspectedRequest, collector: AnswerCollector | None) -> None:
        """The waiter wants this body (and its type) sent in place of the one that came, and the answer collected."""
        head, body = self._head, request.body
        assert head is not None
        self._head = with_content_type(head, request.content_type)
        self._framing = ContentLength(len(body)) if body else NO_BODY
        self._held = [body] if body else None
        if collector is not None:
            self._collector = collector
            self._options |= FOR_ANOTHER_BODY
        self.go_on()
