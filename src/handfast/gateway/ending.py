"""The one record that each request leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.decision.outcome import Outcome
from handfast.decision.reasons import Reason
from handfast.observability.decisions import DecisionRecord

if TYPE_CHECKING:
    from handfast.gateway.refusable import RefusableExchange


def record_of(exchange: RefusableExchange, outcome: Outcome, reason: Reason) -> DecisionRecord:
    """What became of an exchange."""
    route, live, refused = exchange.route, exchange.live, exchange.refused_by
    app = route.app if route is not None else refused.app if refused is not None else None
    device = route.device if route is not None else None
    login = exchange.login
    if not login and live is not None:
        login = live.grant.principal
    return DecisionRecord(
        request_id=exchange.request_id,
        node=exchange.model.config.node,
        listener=exchange.listener_name,
        source=exchange.source,
        publication=app.config.publication.name if app is not None else "",
        channel=route.rule.channel if route is not None else None,
        login=login,
        account_id=live.grant.account_id if live is not None else None,
        device_id=device.device_id if device is not None else "",
        device_type=device.device_type if device is not None else "",
        command=route.command if route is not None else "",
        method=exchange.method.decode("ascii"),
        path=route.path if route is not None else refused.path if refused is not None else "",
        outcome=outcome,
        reason=reason,
        status=exchange.status,
        duration_s=exchange.state.loop.time() - exchange.started,
        bytes_in=exchange.body.received,
        bytes_out=exchange.bytes_out,
        backend=exchange.backend,
        grant_reused=exchange.is_grant_reused,
        decided_by_identity=exchange.is_decided_by_identity and reason is exchange.reason,
        is_repeat=exchange.is_repeat and reason is exchange.reason,
        detail=exchange.detail,
        rule=(refused.rule if refused is not None else "") or (route.rule.name if route is not None else ""),
    )
