"""One request, from its head to its record: translate, find or ask for a grant, sign in behind, stream.

On the way that matters (a live grant, a kept back-end connection) everything happens in callbacks; a task is made only
to ask identity (`asking`), and to sign in behind or connect (`reaching`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handfast.decision.outcome import Decision, Outcome
from handfast.decision.ports import BackendAuthorization, GatewayEvent
from handfast.decision.reasons import Reason
from handfast.gateway.acting_for import is_named
from handfast.gateway.asking import ask_identity
from handfast.gateway.body import BodyReader
from handfast.gateway.ending import record_of
from handfast.gateway.heads import answer_head, request_head
from handfast.gateway.reaching import connect_anew, is_proven, report_refused, sign_in_behind
from handfast.gateway.refusal import Refusal, refusal_of
from handfast.gateway.refused_answer import UNHURRIED, encode_reply, outcome_of, seconds_to_wait
from handfast.gateway.request_id import new_request_id
from handfast.gateway.sign_in import begin_sign_in, find_same_again
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.chunked import LAST_CHUNK, encode_chunk
from handfast.protocols.http1.framing import (
    NO_BODY,
    Chunked,
    ContentLength,
    RequestFraming,
    ResponseFraming,
    UntilClose,
)
from handfast.protocols.http1.head import RequestHead, ResponseHead

if TYPE_CHECKING:
    from handfast.gateway.downstream import DownstreamConnection
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.head_memory import UnderstoodHead
    from handfast.gateway.proving import ProofKey
    from handfast.gateway.routing import Route
    from handfast.gateway.state import RenderedReply
    from handfast.gateway.upstream import UpstreamConnection

MAX_HELD_BYTES = 64 * 1024
"""How much of a body is kept while the decision is pending; then the client is not read any more."""

_log = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_OPTIONS: frozenset[bytes] = frozenset()
_WITHOUT_BODY = BodyReader(NO_BODY)
"""Shared by all requests that have none: it is done and never changes."""


class Exchange:
    """One request of one connection, and its answer. Its public attributes are for the modules of this room."""

    __slots__ = (
        "_allowed_methods",
        "_conn",
        "_framing",
        "_head",
        "_held",
        "_held_bytes",
        "_is_answered",
        "_keep",
        "_options",
        "_out_chunked",
        "_upstream",
        "_version",
        "awaits_continue",
        "backend",
        "body",
        "bytes_out",
        "detail",
        "is_asking",
        "is_decided_by_identity",
        "is_grant_reused",
        "is_over",
        "is_refused",
        "live",
        "login",
        "method",
        "model",
        "proof",
        "reason",
        "request_id",
        "route",
        "started",
        "state",
        "status",
    )

    def __init__(self, conn: DownstreamConnection) -> None:
        self._conn = conn
        state = self.state = conn.state
        self.model = state.model
        self.started = state.loop.time()
        self.request_id = new_request_id()
        self.method = b""
        self.body = _WITHOUT_BODY
        self.awaits_continue = False
        self.is_refused = False
        self.route: Route | None = None
        self.live: LiveGrant | None = None
        self.proof: ProofKey | None = None
        self.is_asking = False
        self.is_over = False
        self.bytes_out = 0
        self.status = 0
        self.reason = Reason.ALLOWED
        self.backend = ""
        self.login = ""
        self.is_grant_reused = False
        self.is_decided_by_identity = False
        self.detail = ""
        self._head: RequestHead | None = None
        self._framing: RequestFraming = NO_BODY
        self._upstream: UpstreamConnection | None = None
        self._held: list[bytes] | None = None
        self._held_bytes = 0
        self._version = 1
        self._options = _NO_OPTIONS
        self._keep = True
        self._is_answered = False
        self._out_chunked = False
        self._allowed_methods: tuple[bytes, ...] = ()

    @property
    def is_settled(self) -> bool:
        """True when nothing may be sent behind any more: refused, or over."""
        return self.is_over or self.is_refused

    @property
    def source(self) -> str:
        """The client's address."""
        return self._conn.source

    @property
    def listener_name(self) -> str:
        """The listener it came in by."""
        return self._conn.listener.config.name

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
            self._allowed_methods = refusal.allow
            self.refuse(refusal.reason, status=refusal.status, detail=refusal.detail)

    def _begin_body(self, head: RequestHead, framing: RequestFraming, rest: bytes) -> bool:
        """Takes what came with the head; False where it broke its framing and the request is refused."""
        if isinstance(framing, ContentLength) and framing.length == len(rest) <= MAX_HELD_BYTES:
            self.body = BodyReader(framing, received=framing.length)
            self._held = [rest]
            self._conn.body_done(b"")
            return True
        body = self.body = BodyReader(framing)
        self.awaits_continue = b"expect" in head.fields and head.version == 1 and not rest
        if self.on_body_data(rest):
            self._conn.body_done(body.rest)
        else:
            self._conn.await_body()
        return not self.is_refused

    def _admit(self, head: RequestHead) -> None:
        """Raises: Refusal, MalformedMessage."""
        conn = self._conn
        route = self.route = self.model.listeners[self.listener_name].router.route(head)
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

    def refuse_decision(self, decision: Decision) -> None:
        """Identity said no."""
        self._conn.authenticated = None
        self.is_decided_by_identity = True
        self.refuse(decision.reason, delay=decision.delay_seconds, retry_after=decision.retry_after_seconds)

    def challenge(self, value: bytes) -> None:
        """Answers with an NTLM challenge. The connection must live on, so a body that is due is asked for first."""
        if self.awaits_continue:
            self.awaits_continue = False
            self._conn.write((_CONTINUE,))
        self.refuse(Reason.NTLM_CONTINUE, challenges=(value,))

    # ---- towards the back end

    def forward(self, live: LiveGrant) -> None:
        """The decision stands: sign in, connect, send. Not one byte went to a back end before this."""
        if self.is_over or self.is_refused:
            return
        self.live = live
        if self._conn.transport is None:
            self._end(Outcome.ALLOW, Reason.CLIENT_GONE)
            return
        route = self.route
        assert route is not None
        self.state.grants.begin(live, self)
        authorization = live.authorization
        if authorization is None or not is_proven(self, live, authorization):
            self.state.spawn(sign_in_behind(self, live, route))
            return
        upstream = route.app.pool.find_idle(live.grant.account_id)
        if upstream is None:
            self.state.spawn(connect_anew(self, live, route, authorization))
            return
        self.send(upstream, authorization)

    def send(self, upstream: UpstreamConnection, authorization: BackendAuthorization) -> None:
        """Sends the request on a connection that is this exchange's from now on."""
        head, route, conn = self._head, self.route, self._conn
        assert head is not None
        assert route is not None
        self._upstream = upstream
        self.backend = upstream.backend.authority
        data = request_head(
            head,
            route,
            authorization,
            self._framing,
            target=self._target(route),
            options=self._options,
            authority=route.app.sent_host or route.host,
            source=conn.source,
            is_tls=conn.is_tls,
            request_id=self.request_id,
        )
        self._head = None
        held, self._held = self._held, None
        parts = (data, *self._framed(held)) if held or self._framing is not NO_BODY else (data,)
        upstream.begin(self, parts, route.app.config.backend.answer_timeout_seconds)
        if self.awaits_continue:
            self.awaits_continue = False
            conn.write((_CONTINUE,))
        if self._held_bytes > MAX_HELD_BYTES:
            conn.hold_for_decision(held=False)

    def _target(self, route: Route) -> bytes:
        """The target that is sent: as the route has it, unless its User names somebody else than the signed-in account."""
        if not route.claimed_user or self.live is None or is_named(self.live, route.claimed_user):
            return route.target
        self.detail = "the query's User is not the signed-in account: its own name was sent on"
        return route.target_for(self.live.grant.principal)

    def on_body_data(self, data: bytes) -> bool:
        """Bytes that belong to the body (and perhaps to what follows it); True when the body is whole with them."""
        if data:
            self.awaits_continue = False
            try:
                self._take_body(self.body.feed(data))
            except MalformedMessage as fault:
                self._fail_body(refusal_of(fault))
        return self.body.is_done

    def _take_body(self, pieces: list[bytes]) -> None:
        limit = self.route.app.config.max_body_bytes if self.route is not None else 0
        if limit and self.body.received > limit:
            self._fail_body(Refusal(Reason.BODY_TOO_LARGE))
            return
        if self.is_refused or self.is_over:
            return
        if self._upstream is not None:
            framed = self._framed(pieces)
            if framed:
                self._upstream.send(framed)
            return
        self._held = self._held + pieces if self._held else pieces
        self._held_bytes += sum(map(len, pieces))
        if self._held_bytes > MAX_HELD_BYTES:
            self._conn.hold_for_decision(held=True)

    def _framed(self, pieces: Sequence[bytes] | None) -> Sequence[bytes]:
        """Body pieces as they go behind: chunks anew where the length is not known."""
        if not isinstance(self._framing, Chunked):
            return pieces or ()
        parts = [part for piece in pieces or () for part in encode_chunk(piece)]
        if self.body.is_done:
            parts.append(LAST_CHUNK)
        return parts

    def _fail_body(self, refusal: Refusal) -> None:
        """A body that breaks its framing or its limit: the back end must not see an end to it."""
        self._drop_upstream()
        if self._is_answered:
            self._end(Outcome.DENY, refusal.reason)
            self._conn.abort()
        else:
            self.refuse_fault(refusal)

    def on_body_timeout(self) -> None:
        """The client stopped sending its body."""
        self._drop_upstream()
        if self._is_answered:
            self._end(Outcome.DENY, Reason.REQUEST_TIMEOUT)
            self._conn.abort()
        else:
            self._keep = False
            self.refuse(Reason.REQUEST_TIMEOUT, at_once=True)

    # ---- the back end answers

    def on_answer(
        self, head: ResponseHead, framing: ResponseFraming, pieces: list[bytes], *, is_done: bool
    ) -> None:
        """The answer's head. A back end's 401 ends here: it is never the client's to see."""
        if head.status in (401, 407):
            self._on_sign_in_refused()
            return
        if self.proof is not None:
            self.state.proofs.accept(self.proof)
            self.proof = None
        is_chunked = isinstance(framing, Chunked)
        self._keep = (
            self._keep
            and self.body.is_done
            and not isinstance(framing, UntilClose)
            and not (is_chunked and self._version == 0)
            and not self.state.is_stopping
        )
        self._out_chunked = is_chunked and self._version == 1
        try:
            data = answer_head(
                head,
                framing,
                method=self.method,
                client_version=self._version,
                keep_alive=self._keep,
                hosts=self.model.hosts,
                request_id=self.request_id,
            )
        except MalformedMessage as fault:
            self._drop_upstream()
            self.refuse(Reason.BACKEND_MALFORMED, detail=str(fault))
            return
        self._is_answered = True
        self.status = head.status
        self._relay([data], pieces, is_done=is_done)

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None:
        """More of the answer."""
        self._relay([], pieces, is_done=is_done)

    def _relay(self, parts: list[bytes], pieces: list[bytes], *, is_done: bool) -> None:
        for piece in pieces:
            self.bytes_out += len(piece)
            if self._out_chunked:
                parts += encode_chunk(piece)
            else:
                parts.append(piece)
        if is_done and self._out_chunked:
            parts.append(LAST_CHUNK)
        self._conn.write(parts)
        if is_done:
            self._complete()

    def _complete(self) -> None:
        """The answer is whole. If the request is not, the back end answered early and its connection is spent."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            if self.body.is_done and (self.live is None or self.live.is_live):
                upstream.release()
            else:
                upstream.close()
        self._end(Outcome.ALLOW, Reason.ALLOWED)
        self._conn.finish(self, keep=self._keep)

    def on_upstream_lost(self, fault: MalformedMessage | None, *, timed_out: bool) -> None:
        """The back end's connection ended before the answer did."""
        self._upstream = None
        self.end_trial()
        if fault is not None:
            reason, detail = Reason.BACKEND_MALFORMED, str(fault)
        elif timed_out:
            reason, detail = Reason.BACKEND_TIMEOUT, ""
        else:
            reason, detail = Reason.BACKEND_UNAVAILABLE, "the back end closed before its answer was complete"
        if self._is_answered:
            # The client must not take what it has for the whole answer.
            self._end(Outcome.DENY, reason)
            self._conn.abort()
        else:
            self.refuse(reason, detail=detail)

    def on_upstream_writable(self, *, writable: bool) -> None:
        """The back end takes the body slower than it comes, or caught up."""
        self._conn.hold_for_backend(held=not writable)

    def on_client_writable(self, *, writable: bool) -> None:
        """The client takes the answer slower than it comes, or caught up."""
        if self._upstream is not None:
            self._upstream.hold(held=not writable)

    def _on_sign_in_refused(self) -> None:
        """One failed attempt behind us, and no second one."""
        live, route, state = self.live, self.route, self.state
        assert live is not None
        assert route is not None
        self._drop_upstream()
        version = live.authorization.version if live.authorization is not None else ""
        if version:
            state.proofs.refuse((live.grant.account_id, live.grant.publication, version))
        self.proof = None
        live.authorization = None
        state.audit.record(
            GatewayEvent(
                "backend-sign-in-refused",
                publication=route.app.publication.name,
                source=self._conn.source,
                details=(("account_id", str(live.grant.account_id)), ("request_id", self.request_id)),
            )
        )
        state.spawn(report_refused(self, live, version))
        self.refuse(Reason.BACKEND_SIGN_IN_REFUSED)

    # ---- ends

    def cut(self, reason: Reason) -> None:
        """What allowed the request is gone: before its answer began the client is told, after that it is cut off."""
        if self.is_settled:
            return
        self._drop_upstream()
        self._conn.ntlm = None
        self._conn.authenticated = None
        if self._is_answered:
            self._end(Outcome.DENY, reason)
            self._conn.abort()
        else:
            self._keep = False
            self.refuse(reason, at_once=True)

    def on_client_gone(self) -> None:
        """The client closed: nothing more is owed, and the back end is not kept busy for nobody.

        Whoever leaves before a refusal arrives is recorded with that refusal: a guess can't be hidden by hanging up.
        """
        self._drop_upstream()
        if self.is_asking and not self.is_refused:
            return
        if self.is_refused:
            self._end(outcome_of(self.reason), self.reason)
        else:
            self._end(Outcome.ALLOW if self.live is not None else Outcome.DENY, Reason.CLIENT_GONE)

    def refuse_head(self, refusal: Refusal, head: RequestHead | None) -> None:
        """Refuses a request whose head is broken (None), or does not say where its body ends."""
        if head is not None:
            self.method, self._version = head.method, head.version
        self.refuse_fault(refusal)

    def refuse_fault(self, refusal: Refusal) -> None:
        """Refuses a message whose end can't be known: the connection ends with the answer."""
        self._keep = False
        self.refuse(refusal.reason, status=refusal.status, detail=refusal.detail, at_once=True)

    def refuse(
        self,
        reason: Reason,
        *,
        status: int | None = None,
        detail: str = "",
        delay: float = 0.0,
        retry_after: int | None = None,
        at_once: bool = False,
        challenges: Sequence[bytes] | None = None,
    ) -> None:
        """Answers in the channel's manner, on the quantum where time could tell something."""
        if self.is_settled:
            return
        self.is_refused = True
        self._drop_upstream()
        self._head = self._held = None
        self._conn.hold_for_decision(held=False)
        self.reason = reason
        self.detail = detail
        if detail:
            _log.info("request %s refused: %s", self.request_id, detail)
        reply = self._render(reason, status, retry_after, challenges)
        wait = 0.0 if at_once or reason in UNHURRIED else self._wait(delay)
        if wait > 0:
            self.state.loop.call_later(wait, self._send_refusal, reply)
        else:
            self._send_refusal(reply)

    def _render(
        self, reason: Reason, status: int | None, retry_after: int | None, challenges: Sequence[bytes] | None
    ) -> RenderedReply:
        route, conn = self.route, self._conn
        if challenges is None:
            with_ntlm = not conn.listener.config.behind_http_proxy and self._version == 1
            challenges = route.app.challenges(with_ntlm=with_ntlm) if route is not None else ()
        return self.state.render(
            reason,
            route.rule.channel if route is not None else None,
            challenges=challenges,
            retry_after=retry_after,
            request_id=self.request_id,
            status=status,
            allow=self._allowed_methods if reason is Reason.METHOD_REFUSED else (),
        )

    def _wait(self, delay: float) -> float:
        elapsed = self.state.loop.time() - self.started
        return seconds_to_wait(elapsed, delay, self.model.config.denial_quantum_seconds)

    def _send_refusal(self, reply: RenderedReply) -> None:
        if self.is_over:
            return
        self._keep = self._keep and not reply.close and not self.awaits_continue
        self.status = reply.status
        body = b"" if self.method == b"HEAD" else reply.body
        self.bytes_out += len(body)
        self._conn.write((encode_reply(reply, keep=self._keep, version=self._version) + body,))
        self._end(outcome_of(self.reason), self.reason)
        self._conn.finish(self, keep=self._keep)

    def _drop_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close()
        self.end_trial()

    def end_trial(self) -> None:
        """Lets the next request try the secret this one was to try, where there was no verdict."""
        proof, self.proof = self.proof, None
        if proof is not None:
            self.state.proofs.leave(proof)

    def _end(self, outcome: Outcome, reason: Reason) -> None:
        """Lets go of everything and leaves the one record."""
        if self.is_over:
            return
        self.is_over = True
        if self.live is not None:
            self.state.grants.end(self.live, self)
        self.state.recorder.record(record_of(self, outcome, reason))
