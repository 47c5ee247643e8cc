"""One request, from its head to its record: translate, find or ask for a grant, sign in behind, stream.

On the way that matters (a live grant, a kept back-end connection) everything happens in callbacks; a task is made only
to ask identity, to connect, or to wait for a verdict on a new back-end secret.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handfast.decision.outcome import Decision, Outcome
from handfast.decision.ports import BackendAuthorization, BackendSignInRefused, GatewayEvent
from handfast.decision.reasons import Reason
from handfast.gateway.acting_for import is_named
from handfast.gateway.body import BodyReader
from handfast.gateway.heads import answer_head, request_head
from handfast.gateway.pool import PoolFull
from handfast.gateway.refusal import Refusal, refusal_of
from handfast.gateway.request_id import new_request_id
from handfast.gateway.sign_in import Step, begin_sign_in
from handfast.identity.ports import Unavailable
from handfast.observability.decisions import DecisionRecord
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.chunked import LAST_CHUNK, encode_chunk
from handfast.protocols.http1.fields import connection_options
from handfast.protocols.http1.framing import (
    NO_BODY,
    Chunked,
    ContentLength,
    RequestFraming,
    ResponseFraming,
    UntilClose,
    request_body_framing,
)
from handfast.protocols.http1.head import RequestHead, ResponseHead

if TYPE_CHECKING:
    from handfast.gateway.downstream import DownstreamConnection
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.proving import ProofKey
    from handfast.gateway.routing import Route
    from handfast.gateway.state import RenderedReply
    from handfast.gateway.upstream import UpstreamConnection

MAX_HELD_BYTES = 64 * 1024
"""How much of a body is kept while the decision is pending; then the client is not read any more."""

_log = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHALLENGES = frozenset({Reason.CREDENTIAL_MISSING, Reason.NTLM_CONTINUE})
_UNHURRIED = frozenset(
    {Reason.CREDENTIAL_MISSING, Reason.NTLM_CONTINUE, Reason.MALFORMED_REQUEST, Reason.HEAD_TOO_LARGE}
)
"""Refusals that tell nothing by their time, and so need not wait for the quantum."""


class Exchange:
    """One request of one connection, and its answer."""

    __slots__ = (
        "_allowed_methods",
        "_backend",
        "_bytes_out",
        "_conn",
        "_decided_by_identity",
        "_detail",
        "_framing",
        "_grant_reused",
        "_head",
        "_held",
        "_held_bytes",
        "_is_answered",
        "_is_asking",
        "_is_over",
        "_keep",
        "_live",
        "_login",
        "_model",
        "_options",
        "_out_chunked",
        "_proof",
        "_reason",
        "_route",
        "_started",
        "_status",
        "_upstream",
        "_version",
        "awaits_continue",
        "body",
        "is_refused",
        "method",
        "request_id",
    )

    def __init__(self, conn: DownstreamConnection) -> None:
        self._conn = conn
        self._model = conn.state.model
        self._started = conn.state.loop.time()
        self.request_id = new_request_id()
        self.method = b""
        self.body = BodyReader(NO_BODY)
        self.awaits_continue = False
        self.is_refused = False
        self._head: RequestHead | None = None
        self._framing: RequestFraming = NO_BODY
        self._route: Route | None = None
        self._live: LiveGrant | None = None
        self._upstream: UpstreamConnection | None = None
        self._proof: ProofKey | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._version = 1
        self._options: frozenset[bytes] = frozenset()
        self._keep = True
        self._is_answered = False
        self._is_asking = False
        self._is_over = False
        self._out_chunked = False
        self._bytes_out = 0
        self._status = 0
        self._reason = Reason.ALLOWED
        self._allowed_methods: tuple[bytes, ...] = ()
        self._backend = ""
        self._login = ""
        self._grant_reused = False
        self._decided_by_identity = False
        self._detail = ""

    # ---- the request arrives

    def start(self, head: RequestHead, rest: bytes) -> None:
        """Takes a parsed head and the bytes that came after it."""
        conn = self._conn
        self._head, self.method, self._version = head, head.method, head.version
        try:
            self._framing = request_body_framing(head)
            options = self._options = connection_options(head.all(b"connection"))
        except MalformedMessage as fault:
            # Nobody knows where this request ends, so nothing after it can be read.
            self.refuse_fault(refusal_of(fault))
            return
        self._keep = b"close" not in options and (head.version == 1 or b"keep-alive" in options)
        self.body = BodyReader(self._framing)
        if self.body.is_done:
            self.body.rest = rest
            conn.body_done()
        else:
            self.awaits_continue = b"expect" in head.fields and head.version == 1 and not rest
            if self.on_body_data(rest):
                conn.body_done()
            else:
                conn.await_body()
            if self.is_refused:
                return
        try:
            self._admit(head)
        except MalformedMessage as fault:
            self.refuse_fault(refusal_of(fault))
        except Refusal as refusal:
            self._allowed_methods = refusal.allow
            self.refuse(refusal.reason, status=refusal.status, detail=refusal.detail)

    def _admit(self, head: RequestHead) -> None:
        """Raises: Refusal, MalformedMessage."""
        conn = self._conn
        listener = self._model.listeners[conn.listener.config.name]
        route = self._route = listener.router.route(head)
        limit = route.app.config.max_body_bytes
        announced = self._framing.length if isinstance(self._framing, ContentLength) else 0
        if limit and max(announced, self.body.received) > limit:
            raise Refusal(Reason.BODY_TOO_LARGE)
        step = begin_sign_in(conn, head, route, self.request_id)
        self._login = step.login
        if step.live is not None:
            self._grant_reused = True
            self._forward(step.live)
            return
        conn.state.spawn(self._ask(step))

    # ---- identity is asked

    async def _ask(self, step: Step) -> None:
        self._is_asking = True
        try:
            await self._ask_identity(step)
        except (Unavailable, TimeoutError):
            self.refuse(Reason.IDENTITY_UNAVAILABLE)
        except MalformedMessage as fault:
            self.refuse(Reason.NTLM_MALFORMED, detail=str(fault))
        except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
            _log.exception("request %s failed", self.request_id)
            self.refuse(Reason.INTERNAL_ERROR)
        finally:
            self._is_asking = False

    async def _ask_identity(self, step: Step) -> None:
        conn = self._conn
        state = conn.state
        if not state.link.is_reachable:
            raise Unavailable("identity is silent")
        patience = self._model.config.evaluate_timeout_seconds
        if step.challenge is not None:
            async with asyncio.timeout(patience):
                value = await step.challenge()
            self._refuse_when_read(Reason.NTLM_CONTINUE, (value,))
            return
        assert step.request is not None
        asked_at = state.loop.time()
        for _ in range(2):
            async with asyncio.timeout(patience):
                decision = await step.evaluate(step.request)
            grant = decision.grant
            self._login = decision.login or self._login
            if self._is_over:
                return
            if decision.outcome is not Outcome.ALLOW or grant is None:
                self._refuse_decision(decision)
                return
            live = step.remember(grant, asked_at)
            if live is not None:
                self._forward(live)
                return
            asked_at = state.loop.time()
        # Twice the grant was older than a revocation we have seen: identity lags behind its own word.
        raise Unavailable("grants are older than revocations")

    def _refuse_decision(self, decision: Decision) -> None:
        self._conn.authenticated = None
        self._decided_by_identity = True
        self.refuse(
            decision.reason,
            delay=decision.delay_seconds,
            retry_after=decision.retry_after_seconds,
        )

    # ---- towards the back end

    def _forward(self, live: LiveGrant) -> None:
        """The decision stands: sign in, connect, send. Not one byte went to a back end before this."""
        if self._is_over or self.is_refused:
            return
        state = self._conn.state
        self._live = live
        if self._conn.transport is None:
            self._end(Outcome.ALLOW, Reason.CLIENT_GONE)
            return
        state.grants.begin(live, self)
        authorization = live.authorization
        if authorization is None or not self._is_proven(live, authorization):
            state.spawn(self._sign_in(live))
            return
        self._connect(live, authorization)

    def _is_proven(self, live: LiveGrant, authorization: BackendAuthorization) -> bool:
        if not authorization.version:
            return True
        return self._conn.state.proofs.is_proven(_proof_key(live, authorization))

    async def _sign_in(self, live: LiveGrant) -> None:
        state = self._conn.state
        try:
            if live.authorization is None:
                live.authorization = await state.sign_in.authorize(live.grant)
            authorization = live.authorization
            key = _proof_key(live, authorization)
            if await state.proofs.enter(key):
                self._proof = key
            if self._is_over or self.is_refused:
                self._end_trial()
                return
            if state.proofs.is_refused(key):
                live.authorization = None
                self.refuse(Reason.BACKEND_SECRET_SUSPENDED)
                return
            self._connect(live, authorization)
        except BackendSignInRefused as refused:
            self.refuse(refused.reason)
        except Unavailable:
            self.refuse(Reason.IDENTITY_UNAVAILABLE)
        except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
            _log.exception("request %s: back-end sign-in failed", self.request_id)
            self.refuse(Reason.INTERNAL_ERROR)

    def _connect(self, live: LiveGrant, authorization: BackendAuthorization) -> None:
        assert self._route is not None
        pool = self._route.app.pool
        upstream = pool.find_idle(live.grant.account_id)
        if upstream is None:
            self._conn.state.spawn(self._connect_anew(live, authorization))
            return
        self._send(upstream, authorization)

    async def _connect_anew(self, live: LiveGrant, authorization: BackendAuthorization) -> None:
        assert self._route is not None
        try:
            upstream = await self._route.app.pool.connect(live.grant.account_id)
        except PoolFull:
            self.refuse(Reason.OVERLOADED)
            return
        except Unavailable:
            self.refuse(Reason.BACKEND_UNAVAILABLE)
            return
        except Exception:  # noqa: BLE001 - the edge of the pipeline: whatever it was, the client is refused
            _log.exception("request %s: connecting failed", self.request_id)
            self.refuse(Reason.INTERNAL_ERROR)
            return
        if self._is_over or self.is_refused:
            # The client left, or the grant was taken away, while we connected: nothing was sent on it.
            upstream.pool.keep(upstream)
            return
        self._send(upstream, authorization)

    def _send(self, upstream: UpstreamConnection, authorization: BackendAuthorization) -> None:
        head, route, conn = self._head, self._route, self._conn
        assert head is not None
        assert route is not None
        self._upstream = upstream
        self._backend = upstream.backend.authority
        config = route.app.config.backend
        data = request_head(
            head,
            route,
            authorization,
            self._framing,
            target=self._target(route),
            options=self._options,
            authority=config.host.encode("ascii") or route.host,
            source=conn.source,
            is_tls=conn.is_tls,
            request_id=self.request_id,
        )
        self._head = None
        held, self._held, self._held_bytes = self._held, [], 0
        upstream.begin(self, [data, *self._framed(held)], config.answer_timeout_seconds)
        if self.awaits_continue:
            self.awaits_continue = False
            conn.write((_CONTINUE,))
        conn.hold_for_decision(held=False)

    def _target(self, route: Route) -> bytes:
        """The target that is sent: as the route has it, unless its User names somebody else than the signed-in account."""
        if not route.claimed_user or self._live is None or is_named(self._live, route.claimed_user):
            return route.target
        self._detail = "the query's User is not the signed-in account: its own name was sent on"
        return route.target_for(self._live.grant.principal)

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
        limit = self._route.app.config.max_body_bytes if self._route is not None else 0
        if limit and self.body.received > limit:
            self._fail_body(Refusal(Reason.BODY_TOO_LARGE))
            return
        if self.is_refused or self._is_over:
            return
        if self._upstream is not None:
            framed = self._framed(pieces)
            if framed:
                self._upstream.send(framed)
            return
        self._held += pieces
        self._held_bytes += sum(map(len, pieces))
        if self._held_bytes > MAX_HELD_BYTES:
            self._conn.hold_for_decision(held=True)

    def _framed(self, pieces: list[bytes]) -> list[bytes]:
        """Body pieces as they go behind: chunks anew where the length is not known."""
        if not isinstance(self._framing, Chunked):
            return pieces
        parts = [part for piece in pieces for part in encode_chunk(piece)]
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
        assert self._route is not None
        if head.status in (401, 407):
            self._on_sign_in_refused()
            return
        if self._proof is not None:
            self._conn.state.proofs.accept(self._proof)
            self._proof = None
        whole = self.body.is_done and not isinstance(framing, UntilClose)
        self._keep = self._keep and whole and not self._conn.state.is_stopping
        self._out_chunked = isinstance(framing, Chunked) and self._version == 1
        if isinstance(framing, Chunked) and self._version == 0:
            self._keep = False
        try:
            data = answer_head(
                head,
                framing,
                method=self.method,
                client_version=self._version,
                keep_alive=self._keep,
                hosts=self._model.hosts,
                request_id=self.request_id,
            )
        except MalformedMessage as fault:
            self._drop_upstream()
            self.refuse(Reason.BACKEND_MALFORMED, detail=str(fault))
            return
        self._is_answered = True
        self._status = head.status
        parts = [data]
        self._add_pieces(parts, pieces, is_done=is_done)
        self._conn.write(parts)
        if is_done:
            self._complete()

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None:
        """More of the answer."""
        parts: list[bytes] = []
        self._add_pieces(parts, pieces, is_done=is_done)
        self._conn.write(parts)
        if is_done:
            self._complete()

    def _add_pieces(self, parts: list[bytes], pieces: list[bytes], *, is_done: bool) -> None:
        for piece in pieces:
            self._bytes_out += len(piece)
            if self._out_chunked:
                parts += encode_chunk(piece)
            else:
                parts.append(piece)
        if is_done and self._out_chunked:
            parts.append(LAST_CHUNK)

    def _complete(self) -> None:
        """The answer is whole. If the request is not, the back end answered early and its connection is spent."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            if self.body.is_done and (self._live is None or self._live.is_live):
                upstream.release()
            else:
                upstream.close()
        self._end(Outcome.ALLOW, Reason.ALLOWED)
        self._conn.finish(self, keep=self._keep)

    def on_upstream_lost(self, fault: MalformedMessage | None, *, timed_out: bool) -> None:
        """The back end's connection ended before the answer did."""
        self._upstream = None
        self._end_trial()
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
        upstream = self._upstream
        if upstream is None or upstream.transport is None or upstream.transport.is_closing():
            return
        if writable:
            upstream.transport.resume_reading()
        else:
            upstream.transport.pause_reading()

    def _on_sign_in_refused(self) -> None:
        """One failed attempt behind us, and no second one."""
        live, route, state = self._live, self._route, self._conn.state
        assert live is not None
        assert route is not None
        self._drop_upstream()
        version = live.authorization.version if live.authorization is not None else ""
        if version:
            state.proofs.refuse((live.grant.account_id, live.grant.publication, version))
        self._proof = None
        live.authorization = None
        state.audit.record(
            GatewayEvent(
                "backend-sign-in-refused",
                publication=route.app.publication.name,
                source=self._conn.source,
                details=(("account_id", str(live.grant.account_id)), ("request_id", self.request_id)),
            )
        )
        state.spawn(self._report_refused(live, version))
        self.refuse(Reason.BACKEND_SIGN_IN_REFUSED)

    async def _report_refused(self, live: LiveGrant, version: str) -> None:
        try:
            await self._conn.state.sign_in.report_refused(live.grant, version)
        except Unavailable:
            _log.warning(
                "request %s: identity could not be told of a refused back-end sign-in", self.request_id
            )

    # ---- ends

    def cut(self, reason: Reason) -> None:
        """What allowed the request is gone: before its answer began the client is told, after that it is cut off."""
        if self._is_over or self.is_refused:
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
        if self._is_asking and not self.is_refused:
            return
        if self.is_refused:
            self._end(Outcome.CHALLENGE if self._reason in _CHALLENGES else Outcome.DENY, self._reason)
        else:
            self._end(Outcome.ALLOW if self._live is not None else Outcome.DENY, Reason.CLIENT_GONE)

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
        if self._is_over or self.is_refused:
            return
        self.is_refused = True
        self._drop_upstream()
        self._head, self._held = None, []
        self._conn.hold_for_decision(held=False)
        self._reason = reason
        self._detail = detail
        if detail:
            _log.info("request %s refused: %s", self.request_id, detail)
        reply = self._render(reason, status, retry_after, challenges)
        wait = 0.0 if at_once or reason in _UNHURRIED else self._wait(delay)
        if wait > 0:
            self._conn.state.loop.call_later(wait, self._send_refusal, reply)
        else:
            self._send_refusal(reply)

    def _render(
        self, reason: Reason, status: int | None, retry_after: int | None, challenges: Sequence[bytes] | None
    ) -> RenderedReply:
        route, conn = self._route, self._conn
        if challenges is None:
            with_ntlm = not conn.listener.config.behind_http_proxy and self._version == 1
            challenges = route.app.challenges(with_ntlm=with_ntlm) if route is not None else ()
        return conn.state.render(
            reason,
            route.rule.channel if route is not None else None,
            challenges=challenges,
            retry_after=retry_after,
            request_id=self.request_id,
            status=status,
            allow=self._allowed_methods if reason is Reason.METHOD_REFUSED else (),
        )

    def _wait(self, delay: float) -> float:
        """Seconds until the next multiple of the quantum after the request began, beyond `delay`."""
        elapsed = self._conn.state.loop.time() - self._started
        quantum = self._model.config.denial_quantum_seconds
        if quantum <= 0:
            return delay
        return max(1, math.ceil((elapsed + delay) / quantum)) * quantum - elapsed

    def _refuse_when_read(self, reason: Reason, challenges: Sequence[bytes]) -> None:
        """For NTLM: the connection must live on, so a body that is under way is asked for before the answer."""
        if self.awaits_continue:
            self.awaits_continue = False
            self._conn.write((_CONTINUE,))
        self.refuse(reason, challenges=challenges)

    def _send_refusal(self, reply: RenderedReply) -> None:
        if self._is_over:
            return
        self._keep = self._keep and not reply.close
        if self.awaits_continue:
            self._keep = False
        self._status = reply.status
        body = b"" if self.method == b"HEAD" else reply.body
        self._bytes_out += len(body)
        outcome = Outcome.CHALLENGE if self._reason in _CHALLENGES else Outcome.DENY
        self._conn.write(
            (_encode_reply(reply, keep=self._keep, version=self._version), body)
            if body
            else (_encode_reply(reply, keep=self._keep, version=self._version),)
        )
        self._end(outcome, self._reason)
        self._conn.finish(self, keep=self._keep)

    def _drop_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close()
        self._end_trial()

    def _end_trial(self) -> None:
        proof, self._proof = self._proof, None
        if proof is not None:
            self._conn.state.proofs.leave(proof)

    def _end(self, outcome: Outcome, reason: Reason) -> None:
        """Lets go of everything and leaves the one record."""
        if self._is_over:
            return
        self._is_over = True
        conn, live, route = self._conn, self._live, self._route
        state = conn.state
        if live is not None:
            state.grants.end(live, self)
        state.recorder.record(
            DecisionRecord(
                request_id=self.request_id,
                node=self._model.config.node,
                listener=conn.listener.config.name,
                source=conn.source,
                publication=route.app.publication.name if route is not None else "",
                channel=route.rule.channel if route is not None else None,
                login=self._login or (live.grant.principal if live is not None else ""),
                account_id=live.grant.account_id if live is not None else None,
                device_id=route.device.device_id if route is not None and route.device is not None else "",
                device_type=route.device.device_type
                if route is not None and route.device is not None
                else "",
                command=route.command if route is not None else "",
                method=self.method.decode("ascii"),
                path=route.path if route is not None else "",
                outcome=outcome,
                reason=reason,
                status=self._status,
                duration_s=state.loop.time() - self._started,
                bytes_in=self.body.received,
                bytes_out=self._bytes_out,
                backend=self._backend,
                grant_reused=self._grant_reused,
                decided_by_identity=self._decided_by_identity and reason is self._reason,
                detail=self._detail,
            )
        )


def _proof_key(live: LiveGrant, authorization: BackendAuthorization) -> ProofKey:
    return live.grant.account_id, live.grant.publication, authorization.version


def _encode_reply(reply: RenderedReply, *, keep: bool, version: int) -> bytes:
    parts = [b"HTTP/1.1 %d %b\r\n" % (reply.status, _PHRASES.get(reply.status, b"Refused"))]
    parts += [
        b"%b: %b\r\n" % item
        for item in reply.headers
        if item[0].lower() not in (b"content-length", b"connection", b"transfer-encoding")
    ]
    parts.append(b"Content-Length: %d\r\n" % len(reply.body))
    if not keep:
        parts.append(b"Connection: close\r\n")
    elif version == 0:
        parts.append(b"Connection: keep-alive\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)


_PHRASES = {
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    421: b"Misdirected Request",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    449: b"Retry With",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}
