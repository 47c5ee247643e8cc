"""What the back end says to a request, and what of it the client gets: streamed as it comes, or whole after rewriting.

The second of the four rooms of an `Exchange`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.decision.alarm_desk import WITHHELD_EVENT
from handfast.decision.outcome import Outcome
from handfast.decision.ports import GatewayEvent
from handfast.decision.reasons import Reason
from handfast.gateway.heads import answer_head, with_answer_token
from handfast.gateway.reaching import report_refused
from handfast.gateway.refusable import RefusableExchange
from handfast.gateway.whole_answers import build_whole_head, framing_of
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.chunked import LAST_CHUNK, encode_chunk
from handfast.protocols.http1.framing import Chunked, ResponseFraming, UntilClose
from handfast.protocols.http1.head import ResponseHead
from handfast.rewriting.answers import WholeAnswer, Withheld

if TYPE_CHECKING:
    from handfast.gateway.facts_copy import BodyCopy
    from handfast.gateway.grants import LiveGrant
    from handfast.gateway.routing import Route
    from handfast.gateway.whole_answers import AnswerCollector


class AnsweredExchange(RefusableExchange):
    """One request, as far as its answer goes. `AnswerSink` of its back-end connection."""

    __slots__ = ("_collector", "_copy", "_out_chunked")

    _out_chunked: bool
    _collector: AnswerCollector | None
    _copy: BodyCopy | None

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
        if self._copy is not None and head.status == 200:
            self._learn(self._copy)
        if self._collector is not None:
            self._collector.begin(head)
            self._collect(pieces, is_done=is_done)
            return
        is_chunked = isinstance(framing, Chunked)
        self._keep = (
            self._keep
            and self.body.is_done
            and not isinstance(framing, UntilClose)
            and not (is_chunked and self._version == 0)
            and not self.state.is_stopping
        )
        self._out_chunked = is_chunked and self._version == 1
        data = self._answer_head(head, framing)
        if data is not None:
            self._is_answered = True
            self.status = head.status
            self._relay([data], pieces, is_done=is_done)

    def _learn(self, copy: BodyCopy) -> None:
        """Reports what the phone said of itself, once the server has taken it."""
        if self.body.is_done and self.live is not None:
            event = copy.facts(self.live.grant)
            if event is not None:
                self.state.audit.record(event)

    def _answer_head(self, head: ResponseHead, framing: ResponseFraming) -> bytes | None:
        """The head as it leaves; None where it may not and the client was refused."""
        assert self.route is not None
        try:
            data = answer_head(
                head,
                framing,
                method=self.method,
                client_version=self._version,
                keep_alive=self._keep,
                hosts=self.model.hosts,
                route=self.route,
                request_id=self.request_id,
            )
        except MalformedMessage as fault:
            self._drop_upstream()
            self.refuse(Reason.BACKEND_MALFORMED, detail=str(fault))
            return None
        return with_answer_token(data, self.answer_token) if self.answer_token else data

    def on_answer_body(self, pieces: list[bytes], *, is_done: bool) -> None:
        """More of the answer."""
        if self._collector is not None:
            self._collect(pieces, is_done=is_done)
        else:
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
            self._complete(Reason.ALLOWED)

    def _collect(self, pieces: list[bytes], *, is_done: bool) -> None:
        """Holds an answer until it is whole, and sends what its rewriter makes of it."""
        collector = self._collector
        assert collector is not None
        withheld = collector.take(pieces)
        if withheld is not None:
            self._drop_upstream()
            self._withhold(withheld)
        elif is_done and collector.may_take_long:
            self._release_upstream()
            self.state.spawn(self._rewrite_aside(collector))
        elif is_done:
            self._deliver(collector, collector.rewrite())

    async def _rewrite_aside(self, collector: AnswerCollector) -> None:
        """Rewrites in a thread: a long answer would keep every other connection of the worker waiting."""
        self._deliver(collector, await self.state.loop.run_in_executor(None, collector.rewrite))

    def _deliver(self, collector: AnswerCollector, outcome: WholeAnswer | Withheld) -> None:
        if isinstance(outcome, Withheld):
            self._withhold(outcome)
        else:
            self.send_whole(outcome, collector.kept_fields(), reason=Reason.ALLOWED)

    def send_whole(
        self, answer: WholeAnswer, kept: tuple[tuple[bytes, bytes], ...] = (), *, reason: Reason
    ) -> None:
        """Sends an answer that was rewritten, or made here. `kept` are further fields of the server's own answer."""
        if self.is_settled:
            return
        self._keep = self._keep and not self.state.is_stopping and not self.awaits_continue
        try:
            head = build_whole_head(answer, kept)
        except MalformedMessage as fault:
            self.refuse(Reason.ANSWER_WITHHELD, detail=str(fault))
            return
        data = self._answer_head(head, framing_of(answer))
        if data is None:
            return
        self._is_answered = True
        self.status = answer.status
        body = b"" if self.method == b"HEAD" else answer.body
        self.bytes_out += len(body)
        self._conn.write((data, body))
        self._complete(reason)

    def _withhold(self, withheld: Withheld) -> None:
        """The answer stays here. Identity hears of it: an administrator has something to put right."""
        assert self.route is not None
        self.state.audit.record(
            GatewayEvent(
                WITHHELD_EVENT,
                publication=self.route.app.publication.name,
                source=self.source,
                details=(
                    ("request_id", self.request_id),
                    ("host", withheld.host),
                    ("detail", withheld.detail),
                ),
            )
        )
        detail = f"{withheld.detail}: {withheld.host}" if withheld.host else withheld.detail
        self.refuse(Reason.ANSWER_WITHHELD, detail=detail)

    def _complete(self, reason: Reason) -> None:
        """The answer is whole."""
        if self._upstream is not None:
            self._release_upstream()
        self._end(Outcome.ALLOW, reason)
        self._conn.finish(self, keep=self._keep)

    def _release_upstream(self) -> None:
        """The back end has answered. If the request is not whole by now, it did so early and its connection is spent."""
        upstream, self._upstream = self._upstream, None
        if upstream is None:
            return
        if self.body.is_done and (self.live is None or self.live.is_live):
            upstream.release()
        else:
            upstream.close()

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
        if self._is_forgotten_sign_in(route):
            self._ask_anew(route, live)
            return
        self._drop_upstream()
        version = self.sent_version
        if version:
            state.proofs.refuse((live.grant.account_id, live.grant.publication, version))
        self.proof = None
        live.authorization = None
        self._alarm(route, live)
        state.spawn(report_refused(self, live, version))
        self.refuse(Reason.BACKEND_SIGN_IN_REFUSED)

    def withhold_unproven(self, detail: str) -> None:
        """Whoever answered is not the server that the ticket was for: nothing of it leaves, and its connection ends."""
        if self.is_settled:
            return
        assert self.live is not None
        assert self.route is not None
        self._alarm(self.route, self.live)
        self.refuse(Reason.BACKEND_SIGN_IN_REFUSED, detail=detail)

    def _is_forgotten_sign_in(self, route: Route) -> bool:
        """True where the request carried no ticket, because its connection was signed in by an earlier one."""
        upstream = self._upstream
        return (
            route.app.config.backend.ticket_per == "connection"
            and upstream is not None
            and upstream.kept_at > 0
        )

    def _ask_anew(self, route: Route, live: LiveGrant) -> None:
        """The server no longer knows who signed in on a connection: no ticket was refused, and the next request has one."""
        self._drop_upstream()
        route.app.pool.close_account(live.grant.account_id)
        self.refuse(
            Reason.BACKEND_SIGN_IN_REFUSED,
            detail="the server asks for a ticket again on a connection that is signed in: it was restarted, or"
            ' wants ticket_per = "request"',
        )

    def _alarm(self, route: Route, live: LiveGrant) -> None:
        self.state.audit.record(
            GatewayEvent(
                "backend-sign-in-refused",
                publication=route.app.publication.name,
                source=self._conn.source,
                details=(("account_id", str(live.grant.account_id)), ("request_id", self.request_id)),
            )
        )
