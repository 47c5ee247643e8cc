"""From a request to the grant it may use, or to what identity must be asked.

The fast way: the same Authorization, route and facts as the last request of this connection give the same grant. Then
the cache, by everything that led to a grant. Then identity.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ConnectionCredential,
    Credential,
    NoCredential,
    NtlmCredential,
    TicketCredential,
)
from handfast.decision.outcome import Decision, Grant
from handfast.decision.reasons import Reason
from handfast.decision.stages.device import TELLING_COMMANDS
from handfast.gateway.credentials import (
    ConnectionSignIn,
    NtlmLeg,
    SpnegoStart,
    Ticket,
    challenge_value,
    is_proxied,
    new_connection_sign_in,
    read_credential,
)
from handfast.gateway.refusal import Refusal
from handfast.gateway.translate import build_access_request, facts_of
from handfast.protocols.ntlm.channel_bindings import channel_binding_hash

if TYPE_CHECKING:
    from handfast.gateway.downstream import DownstreamConnection
    from handfast.gateway.grants import GrantKey, LiveGrant
    from handfast.gateway.routing import Route
    from handfast.protocols.http1.head import RequestHead

_NEGOTIATE = 1

Said = tuple["Route", bytes | None, bytes | None, bytes | None]
"""What a request said that its grant depends on: route, Authorization, User-Agent, MS-ASProtocolVersion."""
LastSignIn = tuple["Route", bytes | None, bytes | None, bytes | None, "LiveGrant"]
"""The same of a connection's last request, and the grant it got."""


class Step:
    """What comes next for a request that is not the last one again: a live grant, a challenge to fetch, or an evaluation."""

    __slots__ = ("_conn", "_key", "_said", "_sign_in", "challenge", "live", "login", "request")

    def __init__(self, conn: DownstreamConnection) -> None:
        self._conn = conn
        self._key: GrantKey | None = None
        self._said: Said | None = None
        self._sign_in: ConnectionSignIn | None = None
        self.live: LiveGrant | None = None
        self.login = ""
        self.request: AccessRequest | None = None
        self.challenge: Callable[[], Awaitable[bytes]] | None = None

    def expect(self, request: AccessRequest, authorization: bytes | None, said: Said) -> None:
        """What identity would be asked; `live` is set where the cache knows the answer."""
        conn = self._conn
        state = conn.state
        self.request = request
        credential = request.credential
        own: tuple[object, ...]
        match credential:
            case BasicCredential():
                self.login = credential.login
                own = (credential.login, state.grants.digest(authorization or b""))
            case ConnectionCredential():
                assert conn.sign_in is not None
                own = (credential.connection_id, conn.sign_in.sign_ins)
            case NoCredential():
                own = (None,)
            case NtlmCredential() | TicketCredential():
                self._sign_in = conn.sign_in
                return
        self._key = (*_context_key(request), *own)
        self._said = said
        found = state.grants.find(self._key, state.loop.time())
        if found is not None and state.link.trusts(found, state.loop.time()):
            conn.authenticated = (*said, found)
            self.live = found

    async def evaluate(self, request: AccessRequest) -> Decision:
        """Identity's decision. Raises: Unavailable, MalformedMessage, TimeoutError."""
        return await self._conn.state.decider.evaluate(request)

    def prepare_to_ask_again(self, decision: Decision) -> bool:
        """After a change of policy; False where the decision is the last word.

        A proof or ticket is spent by now: from here on the session that came of it is asked about, where one did.
        """
        if self._sign_in is None:
            return True
        if decision.grant is None:
            return False
        self._hand_over(self._sign_in, decision.grant)
        return True

    def _hand_over(self, sign_in: ConnectionSignIn, grant: Grant) -> None:
        """A proof or ticket is good for one time: what may be asked again is the session identity sealed for it."""
        assert self.request is not None
        if not isinstance(self.request.credential, ConnectionCredential):
            session = ConnectionCredential(sign_in.connection_id, grant.session)
            self.request = replace(self.request, credential=session)

    def remember(self, grant: Grant, asked_at: float) -> LiveGrant | None:
        """Keeps the grant for this key; None where it was revoked before it arrived."""
        conn, key, said, sign_in = self._conn, self._key, self._said, self._sign_in
        if sign_in is not None:
            self._hand_over(sign_in, grant)
        request = self.request
        assert request is not None
        if sign_in is not None:
            assert isinstance(request.credential, ConnectionCredential)
            sign_in.session = request.credential.session
            key = (*_context_key(request), sign_in.connection_id, sign_in.sign_ins)
            said = None
        assert key is not None
        live = conn.state.grants.store(key, grant, request, asked_at)
        if live is not None and said is not None:
            conn.authenticated = (*said, live)
        return live


def find_same_again(
    conn: DownstreamConnection, head: RequestHead, route: Route, now: float
) -> LiveGrant | None:
    """The grant of the connection's last request, where this one says exactly the same and the grant may be used.

    The same: route object, Authorization (compared in constant time) and facts. Most requests end here.
    """
    known = conn.authenticated
    if known is None or head.repeated:
        return None
    last_route, last_authorization, agent, version, live = known
    fields = head.fields
    if last_route is not route or fields.get(b"user-agent") != agent:
        return None
    if fields.get(b"ms-asprotocolversion") != version:
        return None
    authorization = fields.get(b"authorization")
    if authorization is None or last_authorization is None:
        if authorization is not last_authorization:
            return None
        if is_proxied(head, behind_http_proxy=conn.listener.config.behind_http_proxy):
            return None
    elif not hmac.compare_digest(last_authorization, authorization):
        return None
    return live if conn.state.link.trusts(live, now) else None


def begin_sign_in(conn: DownstreamConnection, head: RequestHead, route: Route, request_id: str) -> Step:
    """Raises: Refusal, MalformedMessage."""
    step = Step(conn)
    authorization = head.find(b"authorization")
    fields = head.fields
    said = (route, authorization, fields.get(b"user-agent"), fields.get(b"ms-asprotocolversion"))
    # From here on nothing of the last request's identity counts: what this one presents is judged for itself.
    conn.authenticated = None
    if authorization is not None and conn.sign_in is not None:
        conn.sign_in.drop_session()
    facts = facts_of(head, route)
    presented = read_credential(
        authorization,
        conn.sign_in,
        head,
        route.app.publication.credentials.methods,
        behind_http_proxy=conn.listener.config.behind_http_proxy,
        is_inside=conn.listener.config.inside,
    )
    if isinstance(presented, Ticket):
        credential: Credential | None = _begin_ticket(conn, presented)
    elif isinstance(presented, NtlmLeg | SpnegoStart):
        credential = _begin_ntlm(step, conn, route, presented)
    else:
        credential = presented
    if credential is None:
        return step
    request = build_access_request(conn, head, route, facts, credential, request_id)
    step.expect(request, authorization, said)
    return step


def _begin_ntlm(
    step: Step, conn: DownstreamConnection, route: Route, presented: NtlmLeg | SpnegoStart
) -> Credential | None:
    """The first leg sets `step.challenge` and gives None; the last gives the credential."""
    publication = route.app.publication.name
    if isinstance(presented, SpnegoStart):

        async def choose() -> bytes:
            return challenge_value(presented, None)

        step.challenge = choose
        return None
    if presented.kind == _NEGOTIATE:
        ntlm = conn.sign_in = conn.sign_in or new_connection_sign_in()
        ntlm.forget()

        async def challenge() -> bytes:
            issued = await conn.state.decider.issue_challenge(
                publication, ntlm.connection_id, presented.message
            )
            ntlm.pending_id, ntlm.pending_publication = issued.challenge_id, publication
            ntlm.negotiate = presented.message
            return challenge_value(presented, issued.message)

        step.challenge = challenge
        return None
    ntlm_state = conn.sign_in
    if ntlm_state is None or not ntlm_state.pending_id or ntlm_state.pending_publication != publication:
        if ntlm_state is not None:
            ntlm_state.forget()
        raise Refusal(Reason.NTLM_CHALLENGE_UNKNOWN)
    credential = NtlmCredential(
        ntlm_state.pending_id,
        ntlm_state.connection_id,
        ntlm_state.negotiate,
        presented.message,
        channel_binding_hash(conn.channel_binding()),
    )
    ntlm_state.forget()
    return credential


def _begin_ticket(conn: DownstreamConnection, presented: Ticket) -> TicketCredential:
    """A ticket signs the connection in anew, whoever it belonged to."""
    state = conn.sign_in = conn.sign_in or new_connection_sign_in()
    state.forget()
    state.is_ticket = True
    return TicketCredential(presented.token, state.connection_id, conn.channel_binding())


def _context_key(request: AccessRequest) -> GrantKey:
    """Everything but the credential that a grant depends on: of the command, whether it lets a device say what it is."""
    return (
        request.publication,
        request.rule,
        request.listener,
        request.source,
        request.host,
        request.device,
        request.facts,
        request.command if request.command in TELLING_COMMANDS else "",
    )
