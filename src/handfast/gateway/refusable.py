"""What every request may come to: it is refused, cut, or left by its client, and it leaves one record.

The first of the four rooms of an `Exchange`: the back end's answer (`answered`), the request's body (`forwarded`) and the
request (`exchange`) build on it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.gateway.body import BodyReader
from handfast.gateway.ending import record_of
from handfast.gateway.refusal import Refusal
from handfast.gateway.refused_answer import UNHURRIED, encode_reply, outcome_of, seconds_to_wait
from handfast.gateway.request_id import new_request_id
from handfast.protocols.http1.framing import NO_BODY

if TYPE_CHECKING:
    import asyncio

    from handfast.gateway.downstream import DownstreamConnection
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.inspecting import BodyWaiter
    from handfast.gateway.proving import ProofKey
    from handfast.gateway.routing import Route
    from handfast.gateway.state import RenderedReply
    from handfast.gateway.upstream import UpstreamConnection
    from handfast.protocols.http1.head import RequestHead

_log = logging.getLogger(__name__)
_WITHOUT_BODY = BodyReader(NO_BODY)
"""Shared by all requests that have none: it is done and never changes."""


class RefusableExchange:
    """One request, as far as it can end before or without its answer. Public attributes are for the modules of this room."""

    __slots__ = (
        "_allowed_methods",
        "_conn",
        "_head",
        "_held",
        "_is_answered",
        "_keep",
        "_timer",
        "_upstream",
        "_version",
        "_waiter",
        "answer_token",
        "awaits_continue",
        "backend",
        "body",
        "bytes_out",
        "detail",
        "is_asking",
        "is_decided_by_identity",
        "is_grant_reused",
        "is_held",
        "is_over",
        "is_refused",
        "is_repeat",
        "live",
        "login",
        "method",
        "model",
        "proof",
        "reason",
        "refused_by",
        "request_id",
        "route",
        "sent_version",
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
        self.is_held = False
        self.route: Route | None = None
        self.refused_by: Refusal | None = None
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
        self.is_repeat = False
        self.detail = ""
        self.answer_token = b""
        self.sent_version = ""
        self._head: RequestHead | None = None
        self._upstream: UpstreamConnection | None = None
        self._held: list[bytes] | None = None
        self._waiter: BodyWaiter | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._version = 1
        self._keep = True
        self._is_answered = False
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

    def cut(self, reason: Reason) -> None:
        """What allowed the request is gone: before its answer began the client is told, after that it is cut off."""
        if self.is_settled:
            return
        self._drop_upstream()
        self._conn.sign_in = None
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
        reply: RenderedReply | None = None,
        hold_seconds: float = 0.0,
    ) -> None:
        """Answers in the channel's manner, on the quantum where time could tell something.

        `reply` is an answer that is finished already, and `hold_seconds` how long it waits beyond that.
        """
        if self.is_settled:
            return
        self.is_refused = True
        self._drop_upstream()
        self._head = self._held = self._waiter = None
        self._conn.hold_for_decision(held=False)
        self.is_held = hold_seconds > 0
        self.reason = reason
        self.detail = detail
        if detail:
            _log.info("request %s refused: %s", self.request_id, detail)
        if reply is None:
            reply = self._render(reason, status, retry_after, challenges)
        wait = 0.0 if at_once or reason in UNHURRIED else self._wait(delay + hold_seconds)
        if wait > 0:
            self._timer = self.state.loop.call_later(wait, self._send_refusal, reply)
        else:
            self._send_refusal(reply)

    def _render(
        self, reason: Reason, status: int | None, retry_after: int | None, challenges: Sequence[bytes] | None
    ) -> RenderedReply:
        route, conn = self.route, self._conn
        if challenges is None:
            listener = conn.listener.config
            is_own = not listener.behind_http_proxy and self._version == 1
            challenges = (
                route.app.challenges(route.rule.channel, is_own_connection=is_own, is_inside=listener.inside)
                if route is not None
                else ()
            )
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
        if self._timer is not None:
            # Who hangs up while a refusal waits, for minutes perhaps, must leave nothing behind.
            self._timer.cancel()
            self._timer = None
        if self.live is not None:
            self.state.grants.end(self.live, self)
        self.state.recorder.record(record_of(self, outcome, reason))
