"""What a gateway refused by itself, as identity keeps it for `explain`.

Malformed messages, unknown hosts, back ends that are down: no stage is asked for these, so a gateway reports them in an
event. What it says is recorded as claimed by that gateway, and it never changes what identity decided.
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from handfast.decision.outcome import Outcome
from handfast.decision.ports import GatewayEvent
from handfast.decision.reasons import Reason
from handfast.identity.recent_evaluations import GATEWAY_STAGE
from handfast.identity.records import Evaluation, StageTrace

REFUSED_EVENT = "request-refused"
"""One refused request, with its id; without an id: refusals in numbers, beyond what is told one by one."""
CONNECTION_EVENT = "too-many-connections"
"""Connections closed in their opening: no request was read, so the event itself gets an id."""
FACTS_EVENT = "device-facts"
"""What a device said of itself: that of a live grant, or one that waits; see `decision.device_desk`."""
TEXT_LIMIT = 160
"""Characters of a text that a report carries: a full batch must stay within what one call may hold."""
MAX_ID_CHARACTERS = 64

_OUTCOMES = MappingProxyType(
    {
        Reason.CREDENTIAL_MISSING: Outcome.CHALLENGE,
        Reason.NTLM_CONTINUE: Outcome.CHALLENGE,
        Reason.ANSWERED_HERE: Outcome.ALLOW,
    }
)
"""What is no refusal."""
_LIMITS = MappingProxyType(
    {
        Reason.HEAD_TOO_LARGE: "max_head_bytes",
        Reason.BODY_TOO_LARGE: "max_body_bytes",
        Reason.REQUEST_TIMEOUT: "head_timeout_seconds, body_timeout_seconds",
        Reason.TOO_MANY_CONNECTIONS: "max_connections, max_connections_per_source",
        Reason.UNKNOWN_HOST: "hosts",
        Reason.METHOD_NOT_OFFERED: "auth",
        Reason.PROXIED_NTLM: "behind_http_proxy",
        Reason.PROXIED_TICKET: "behind_http_proxy",
        Reason.GRANT_EXPIRED: "grant_grace_seconds",
        Reason.OVERLOADED: "max_connections",
        Reason.BACKEND_UNAVAILABLE: "urls, connect_timeout_seconds",
        Reason.BACKEND_TIMEOUT: "answer_timeout_seconds",
        Reason.SHUTTING_DOWN: "stop_deadline_seconds",
    }
)
"""The setting that spoke, where one did."""


def report_text(text: str) -> str:
    """A text as a report carries it: ASCII, short."""
    return text.encode("ascii", "backslashreplace").decode("ascii")[:TEXT_LIMIT]


def parse_report(node: str, event: GatewayEvent, now: datetime, *, new_id: str) -> Evaluation | None:
    """The evaluation an event reports; None where it reports none. `new_id` is for refusals without a request."""
    details = dict(event.details)
    if event.name == CONNECTION_EVENT:
        reason, request_id = Reason.TOO_MANY_CONNECTIONS, new_id
        details["detail"] = f"{event.count} connections"
    elif event.name == REFUSED_EVENT and 0 < len(details.get("request_id", "")) <= MAX_ID_CHARACTERS:
        request_id = details["request_id"]
        try:
            reason = Reason.from_value(details.get("reason", ""))
        except KeyError:
            return None
    else:
        return None
    outcome = _OUTCOMES.get(reason, Outcome.DENY).value
    rule = _LIMITS.get(reason) or _text(details, "rule")
    return Evaluation(
        request_id=request_id,
        at=now,
        node=node,
        publication=event.publication,
        listener=_text(details, "listener"),
        source=event.source,
        channel=_text(details, "channel"),
        login=_text(details, "login"),
        account_id=None,
        device_id=_text(details, "device_id") or None,
        outcome=outcome,
        reason=reason.value,
        stages=(StageTrace(GATEWAY_STAGE, outcome, reason.value, rule, _text(details, "detail")),),
        request_line=_text(details, "request_line"),
    )


def _text(details: dict[str, str], name: str) -> str:
    return report_text(details.get(name, ""))
