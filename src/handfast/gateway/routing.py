"""From a request head to the one rule that lets it pass. What no rule names does not exist.

Host and path are matched after strict decoding; what goes on is built from the rule and the parsed query, so that the
text a client sent never reaches a server. Routes are values: the same head gives the same route object, which makes
the second request cheap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from handfast.decision.access import ClaimedDevice
from handfast.decision.publication import PathRule, QueryShape
from handfast.decision.reasons import Reason
from handfast.gateway.published import PublishedApp
from handfast.gateway.refusal import Refusal
from handfast.protocols.activesync.query import ActiveSyncQuery, parse_query
from handfast.protocols.http1.head import RequestHead
from handfast.protocols.http1.target import RequestTarget, parse_target

MAX_CACHED_ROUTES = 4096
MAX_CACHED_TARGET_BYTES = 512

_SPELLED_PATHS = {
    "/microsoft-server-activesync": b"/Microsoft-Server-ActiveSync",
    "/microsoft-server-activesync/default.eas": b"/Microsoft-Server-ActiveSync/default.eas",
}


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One understood request line: its publication and rule, what it claims, and `target`, what is sent behind.

    `claimed_user` is the User of the query, a claim: `target_for` gives the target with another one.
    """

    app: PublishedApp
    rule: PathRule
    host: bytes
    path: str
    target: bytes
    device: ClaimedDevice | None = None
    command: str = ""
    claimed_user: str = ""
    protocol_version: str = ""
    query: ActiveSyncQuery | None = None

    def target_for(self, user: str) -> bytes:
        """The target with `user` in place of the claimed one; without any where the query can't hold the name."""
        if self.query is None:
            return self.target
        path = self.target.partition(b"?")[0]
        try:
            return path + b"?" + replace(self.query, user=user).encode()
        except ValueError:
            return path + b"?" + replace(self.query, user="").encode()


class Router:
    """Finds routes for one listener within one model."""

    __slots__ = ("_apps", "_cache")

    def __init__(self, listener: str, apps: Iterable[PublishedApp]) -> None:
        self._cache: dict[tuple[bytes, bytes, bytes], Route] = {}
        self._apps = {
            host.lower().encode("ascii"): app
            for app in apps
            if not app.publication.listeners or listener in app.publication.listeners
            for host in app.publication.hosts
        }

    def find_app(self, host: bytes) -> PublishedApp | None:
        """The publication of a Host field (lower-case, perhaps with a port)."""
        return self._apps.get(_host_name(host))

    def route(self, head: RequestHead) -> Route:
        """Raises: Refusal (host, path, method, device id), MalformedMessage."""
        key = (head.host, head.method, head.target)
        known = self._cache.get(key)
        if known is not None:
            return known
        app = self.find_app(head.host)
        target = parse_target(head.target, head.host)
        if app is None:
            raise Refusal(Reason.UNKNOWN_HOST, detail=f"host {head.host[:100]!a}")
        route = _route(app, head, target)
        if len(head.target) <= MAX_CACHED_TARGET_BYTES:
            if len(self._cache) >= MAX_CACHED_ROUTES:
                self._cache.clear()
            self._cache[key] = route
        return route


def _route(app: PublishedApp, head: RequestHead, target: RequestTarget) -> Route:
    rule = next((rule for rule in app.publication.rules if target.path in rule.paths), None)
    if rule is None:
        raise Refusal(Reason.UNKNOWN_PATH, detail=f"path {target.path[:100]!a}")
    method = head.method.decode("ascii")
    if method not in rule.methods:
        raise Refusal(Reason.METHOD_REFUSED, allow=tuple(sorted(item.encode() for item in rule.methods)))
    path = app.config.backend.path.encode("ascii") or _SPELLED_PATHS.get(
        target.path, target.path.encode("ascii")
    )
    host = _host_name(head.host)
    if rule.query is QueryShape.NONE:
        if target.query:
            raise Refusal(Reason.MALFORMED_REQUEST, detail="the rule takes no query")
        return Route(app, rule, host, target.path, path)
    query = parse_query(target.query or b"", method=method)
    if query.requires_device and not query.device_id:
        raise Refusal(Reason.DEVICE_ID_MISSING)
    encoded = query.encode()
    return Route(
        app,
        rule,
        host,
        target.path,
        path + b"?" + encoded if encoded else path,
        _claimed_device(query),
        query.command.value,
        query.user,
        query.protocol_version,
        query,
    )


def _claimed_device(query: ActiveSyncQuery) -> ClaimedDevice | None:
    return ClaimedDevice(query.device_id, query.device_type) if query.device_id else None


def _host_name(host: bytes) -> bytes:
    """The name without its port and without the dot that may end it."""
    name = (
        host
        if host.endswith(b"]")
        else host.partition(b":")[0]
        if host[:1] != b"["
        else host[: host.index(b"]") + 1]
    )
    return name[:-1] if name.endswith(b".") else name
