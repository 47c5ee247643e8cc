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
from handfast.decision.rules.denials import find_denial
from handfast.decision.rules.query_shapes import encode_query, match_query
from handfast.gateway.handling import Handling
from handfast.gateway.lessons import LESSONS
from handfast.gateway.placement import place
from handfast.gateway.published import PublishedApp
from handfast.gateway.refusal import Refusal
from handfast.protocols.activesync.query import ActiveSyncQuery, parse_query
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import RequestHead
from handfast.protocols.http1.target import RequestTarget, parse_target

MAX_CACHED_ROUTES = 4096
MAX_CACHED_TARGET_BYTES = 512

MAX_LOGGED_PATH_CHARACTERS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One understood request line: its publication and rule, what it claims, and `target`, what is sent behind.

    `claimed_user` is the User of the query, a claim: `target_for` gives the target with another one. `parameters` are
    those of a query that is not ActiveSync's, in the rule's spelling. `authority` is the Host field sent behind, and
    `may_teach` says that a phone may describe itself in the body.
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
    parameters: tuple[tuple[str, str], ...] = ()
    authority: bytes = b""
    handling: Handling | None = None
    may_teach: bool = False

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

    __slots__ = ("_apps", "_cache", "_listener")

    def __init__(self, listener: str, apps: Iterable[PublishedApp]) -> None:
        self._listener = listener
        self._cache: dict[tuple[bytes, bytes, bytes], Route] = {}
        self._apps = {
            host.lower().encode("ascii"): app
            for app in apps
            if app.publication.is_on(listener)
            for host in app.publication.hosts
        }

    def find_app(self, host: bytes) -> PublishedApp | None:
        """The publication of a Host field (lower-case, perhaps with a port)."""
        return self._apps.get(_host_name(host))

    def route(self, head: RequestHead) -> Route:
        """Raises: Refusal (host, path, method, query, media type, device id), MalformedMessage."""
        key = (head.host, head.method, head.target)
        route = self._cache.get(key)
        if route is None:
            route = self._find(head)
            if len(head.target) <= MAX_CACHED_TARGET_BYTES:
                if len(self._cache) >= MAX_CACHED_ROUTES:
                    self._cache.clear()
                self._cache[key] = route
        if route.rule.content_types:
            _check_content_type(route, head)
        return route

    def _find(self, head: RequestHead) -> Route:
        app = self.find_app(head.host)
        try:
            if app is not None:
                _refuse_denied(app, head)
            target = parse_target(head.target, head.host)
            if app is None:
                raise Refusal(  # noqa: TRY301 - beside the others
                    Reason.UNKNOWN_HOST, detail=f"host {head.host[:100]!a}", path=_shown_path(target.path)
                )
            return place(app, _route(app, self._rules(app), head, target))
        except Refusal as refusal:
            if app is not None and app.config.learn and refusal.reason in LESSONS:
                app.lessons.note(refusal, head)
            raise

    def _rules(self, app: PublishedApp) -> tuple[PathRule, ...]:
        """A listener that is there for redirects serves nothing else, least of all a request for a password."""
        publication = app.publication
        if publication.only_redirects(self._listener):
            return publication.redirect_rules
        return publication.rules


def _refuse_denied(app: PublishedApp, head: RequestHead) -> None:
    """Raises: Refusal where a rule with a name refuses the target."""
    denials = app.publication.denials
    denial = find_denial(denials, head.target.decode("ascii")) if denials else None
    if denial is not None:
        raise Refusal(
            denial.reason,
            detail=f"{denial.name}: {denial.why} ({denial.source})",
            rule=denial.name,
            app=app,
            path=_shown_path(head.target.partition(b"?")[0].decode("ascii")),
        )


def _route(app: PublishedApp, rules: tuple[PathRule, ...], head: RequestHead, target: RequestTarget) -> Route:
    path = _shown_path(target.path)
    rule = next((rule for rule in rules if rule.matches(target.path)), None)
    if rule is None:
        raise Refusal(Reason.UNKNOWN_PATH, detail=f"path {target.path[:100]!a}", app=app, path=path)
    method = head.method.decode("ascii")
    if method not in rule.methods:
        allow = tuple(sorted(item.encode() for item in rule.methods))
        raise Refusal(Reason.METHOD_REFUSED, allow=allow, rule=rule.name, app=app, path=path)
    host = _host_name(head.host)
    if rule.query is QueryShape.ACTIVESYNC:
        return _activesync_route(app, rule, host, target, method)
    try:
        parameters = match_query(rule.query, target.query or b"")
    except MalformedMessage as fault:
        raise Refusal(Reason.QUERY_REFUSED, detail=str(fault), rule=rule.name, app=app, path=path) from fault
    if parameters is None:
        detail = f"a query of another shape than {rule.query.value}"
        raise Refusal(Reason.QUERY_REFUSED, detail=detail, rule=rule.name, app=app, path=path)
    sent = rule.spell(target.path).encode("ascii")
    query = encode_query(parameters)
    return Route(
        app,
        rule,
        host,
        target.path,
        b"" if rule.own_answer is not None else sent + b"?" + query if query else sent,
        parameters=parameters,
    )


def _activesync_route(
    app: PublishedApp, rule: PathRule, host: bytes, target: RequestTarget, method: str
) -> Route:
    path = app.config.backend.path.encode("ascii") or rule.spell(target.path).encode("ascii")
    query = parse_query(target.query or b"", method=method)
    if query.requires_device and not query.device_id:
        raise Refusal(Reason.DEVICE_ID_MISSING, rule=rule.name, app=app, path=target.path)
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


def _check_content_type(route: Route, head: RequestHead) -> None:
    """Raises: Refusal for a media type that the rule does not take, MalformedMessage for several."""
    value = head.find(b"content-type")
    media_type = (value or b"").partition(b";")[0].strip(b" \t").lower()
    if value is not None and media_type.decode("latin-1") not in route.rule.content_types:
        raise Refusal(
            Reason.MALFORMED_REQUEST,
            status=415,
            detail=f"{route.rule.name} takes no body of type {media_type[:100]!a}",
            rule=route.rule.name,
            app=route.app,
            path=route.path,
        )


def _shown_path(path: str) -> str:
    return path[:MAX_LOGGED_PATH_CHARACTERS]


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
