"""What a publication does to each of its routes: the path and host its server knows, and how its messages are handled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handfast.identity.channels import Channel
from handfast.rewriting.activesync import may_hold_facts

if TYPE_CHECKING:
    from handfast.gateway.published import PublishedApp
    from handfast.gateway.routing import Route


def place(app: PublishedApp, route: Route) -> Route:
    """The route as it is kept: made once for each request line, and used for every request with it."""
    target, authority = route.target, app.sent_host or route.host
    mapping = app.paths.find(route.path)
    if mapping is not None and target:
        path, mark, query = target.partition(b"?")
        target = app.paths.behind(path.decode("ascii")).encode("ascii") + mark + query
        authority = mapping.host.encode("ascii") or authority
    return replace(
        route,
        target=target,
        authority=authority,
        handling=app.handlings.get(route.rule.name),
        may_teach=route.rule.channel is Channel.ACTIVESYNC and may_hold_facts(route.command),
    )
