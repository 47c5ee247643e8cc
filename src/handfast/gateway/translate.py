"""From an HTTP request to an `AccessRequest`: the one place where header fields become facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.decision.access import AccessRequest, Credential, Facts
from handfast.decision.reasons import Reason
from handfast.gateway.refusal import Refusal

if TYPE_CHECKING:
    from handfast.gateway.downstream import DownstreamConnection
    from handfast.gateway.routing import Route
    from handfast.protocols.http1.head import RequestHead

MAX_AGENT_CHARACTERS = 256
MAX_VERSION_BYTES = 16


def facts_of(head: RequestHead, route: Route) -> Facts:
    """What the message says of its client. Raises: MalformedMessage (a fact given twice), Refusal (an odd version)."""
    agent = (head.find(b"user-agent") or b"").decode("latin-1")[:MAX_AGENT_CHARACTERS]
    version = head.find(b"ms-asprotocolversion") or b""
    if len(version) > MAX_VERSION_BYTES or not version.isascii():
        raise Refusal(Reason.MALFORMED_REQUEST, detail="MS-ASProtocolVersion is no version")
    return Facts(agent, route.protocol_version or version.decode("ascii"), route.claimed_user)


def build_access_request(
    conn: DownstreamConnection,
    head: RequestHead,
    route: Route,
    facts: Facts,
    credential: Credential,
    request_id: str,
) -> AccessRequest:
    """The request as the stages see it."""
    return AccessRequest(
        request_id=request_id,
        node=conn.state.model.config.node,
        listener=conn.listener.config.name,
        source=conn.source,
        publication=route.app.publication.name,
        rule=route.rule.name,
        channel=route.rule.channel,
        credential=credential,
        host=route.host.decode("ascii"),
        device=route.device,
        facts=facts,
        command=route.command,
        request_line=f"{head.method.decode('ascii')} {route.target.decode('ascii', 'replace')}",
    )
