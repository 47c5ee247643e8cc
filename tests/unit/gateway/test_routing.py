from types import SimpleNamespace

import pytest

from handfast.decision.publication import ACTIVESYNC_RULES, Publication
from handfast.decision.reasons import Reason
from handfast.decision.rules.exchange import EXCHANGE_RULES, REDIRECT_RULES
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS
from handfast.gateway.config import BackendConfig, PublicationConfig
from handfast.gateway.handling import Handling
from handfast.gateway.published import PublishedApp
from handfast.gateway.refusal import Refusal
from handfast.gateway.routing import Router
from handfast.identity.channels import Channel
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import parse_request_head

QUERY = "Cmd=Sync&User=alice&DeviceId=ABC123&DeviceType=iPhone"


def router(listener="outside", *, path="", listeners=()):
    publication = Publication("mail", ("Mail.example",), ACTIVESYNC_RULES, listeners=frozenset(listeners))
    config = PublicationConfig(publication, BackendConfig(("http://127.0.0.1:1",), path=path))
    return Router(listener, [PublishedApp(config, SimpleNamespace())])


def head(target=f"/microsoft-SERVER-activesync?{QUERY}", *, method="POST", host="mail.EXAMPLE:443"):
    return parse_request_head(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


def test_a_route_is_rebuilt_from_what_was_matched():
    route = router().route(head())
    assert route.target.startswith(b"/Microsoft-Server-ActiveSync?Cmd=Sync")
    assert (route.host, route.command, route.claimed_user) == (b"mail.example", "Sync", "alice")
    assert (route.device.device_id, route.device.device_type) == ("ABC123", "iPhone")


def test_the_same_request_line_gives_the_same_route_and_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr("handfast.gateway.routing.MAX_CACHED_ROUTES", 3)
    routes = router()
    assert routes.route(head()) is routes.route(head())
    for number in range(10):
        routes.route(head(f"/microsoft-server-activesync?{QUERY}{number}"))
    assert len(routes._cache) <= 3


def test_a_long_target_is_not_remembered():
    routes = router()
    routes.route(head(f"/Microsoft-Server-ActiveSync?{QUERY}&AttachmentName={'a' * 600}"))
    assert routes._cache == {}


def test_default_eas_and_the_configured_path():
    assert (
        router()
        .route(head(f"/Microsoft-Server-ActiveSync/default.eas?{QUERY}"))
        .target.startswith(b"/Microsoft-Server-ActiveSync/default.eas?")
    )
    assert router(path="/SOGo/x").route(head()).target.startswith(b"/SOGo/x?Cmd=Sync")


@pytest.mark.parametrize("host", ["mail.example", "MAIL.example", "mail.example:8443"])
def test_hosts_compare_without_case_and_port(host):
    assert router().route(head(host=host)).host == b"mail.example"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (head(host="other.example"), Reason.UNKNOWN_HOST),
        (head(host="[::1]:443"), Reason.UNKNOWN_HOST),
        (head("/owa"), Reason.UNKNOWN_PATH),
        (head("/microsoft-server-activesync/"), Reason.UNKNOWN_PATH),
        (head(method="GET"), Reason.METHOD_REFUSED),
        (head("/microsoft-server-activesync?Cmd=Sync&User=a"), Reason.DEVICE_ID_MISSING),
    ],
)
def test_what_no_rule_names_does_not_exist(item, reason):
    with pytest.raises(Refusal) as caught:
        router().route(item)
    assert caught.value.reason is reason


def test_a_publication_of_another_listener_does_not_exist_here():
    assert router("inside", listeners=("inside",)).route(head())
    with pytest.raises(Refusal):
        router("outside", listeners=("inside",)).route(head())


@pytest.mark.parametrize(
    "target", ["/x/../microsoft-server-activesync", f"/microsoft-server-activesync?{QUERY}&deviceid=B"]
)
def test_targets_in_doubt(target):
    with pytest.raises(MalformedMessage):
        router().route(head(target))


def test_options_without_a_query():
    route = router().route(head("/microsoft-server-activesync", method="OPTIONS"))
    assert (route.target, route.device) == (b"/Microsoft-Server-ActiveSync", None)


GUID = "94a5c596-90a8-4985-91fd-57629ee06561"
WITHOUT_ANSWERS = tuple(rule for rule in EXCHANGE_RULES if rule.channel is not Channel.AUTODISCOVER)
"""Autodiscover's need a rewriter and answers, which are not this room's."""


def exchange_router(listener="outside", *, rules=WITHOUT_ANSWERS, learn=False, **more):
    publication = Publication("mail", ("mail.example",), rules, denials=EXCHANGE_DENIALS, **more)
    config = PublicationConfig(publication, BackendConfig(("http://127.0.0.1:1",)), learn=learn)
    app = PublishedApp(config, SimpleNamespace())
    return Router(listener, [app]), app


def refused(routes, *args, **more):
    with pytest.raises(Refusal) as caught:
        routes.route(head(*args, **more))
    return caught.value


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("POST", "/ews/EXCHANGE.asmx", b"/EWS/Exchange.asmx"),
        ("GET", "/ews/exchange.asmx/s/getuserphoto?size=HR48x48&email=a%40b.c",
         b"/EWS/Exchange.asmx/s/GetUserPhoto?email=a@b.c&size=HR48x48"),
        ("POST", f"/MAPI/nspi/?MAILBOXID={GUID}%40b.c", f"/mapi/nspi/?MailboxId={GUID}@b.c".encode()),
        ("HEAD", f"/oab/{GUID.upper()}/OAB.xml", f"/OAB/{GUID}/oab.xml".encode()),
        ("POST", f"/microsoft-server-activesync?{QUERY}", b"/Microsoft-Server-ActiveSync?" + QUERY.encode()),
    ],
)  # fmt: skip
def test_exchange_is_sent_as_it_spells_itself(method, target, sent):
    routes, _ = exchange_router()
    assert routes.route(head(target, method=method)).target == sent


def test_a_named_refusal_comes_before_everything_and_says_who_it_is():
    routes, app = exchange_router()
    refusal = refused(routes, "/ecp/y.js?a=b", method="GET")
    assert refusal.reason is Reason.PATH_DENIED
    assert (refusal.rule, refusal.app, refusal.path) == ("proxylogon-static-file", app, "/ecp/y.js")
    assert "CVE-2021-26855" in refusal.detail
    assert refused(routes, "/ecp%2fy.js").rule == "proxylogon-static-file"
    assert refused(routes, "/EWS/Exchange.asmx;x").rule == "path-parameter"


def test_a_query_of_another_shape_names_its_rule():
    routes, app = exchange_router()
    for query in ("x=1", "x", "x=1&x=2", "x=%00"):
        refusal = refused(routes, f"/EWS/Exchange.asmx?{query}")
        assert (refusal.reason, refusal.rule, refusal.app) == (Reason.QUERY_REFUSED, "ews", app)
    assert routes.route(head("/EWS/Exchange.asmx?")).target == b"/EWS/Exchange.asmx"


def test_the_media_type_is_looked_at_for_each_request():
    routes, _ = exchange_router()
    line = f"POST /mapi/emsmdb/?MailboxId={GUID}@b.c HTTP/1.1\r\nHost: mail.example\r\n"

    def typed(fields):
        return parse_request_head(f"{line}{fields}\r\n".encode())

    first = routes.route(typed("Content-Type: Application/MAPI-HTTP; charset=x\r\n"))
    assert routes.route(typed("")) is first
    with pytest.raises(Refusal) as caught:
        routes.route(typed("Content-Type: text/plain\r\n"))
    assert (caught.value.status, caught.value.rule) == (415, "mapi-emsmdb")


def test_a_listener_for_redirects_serves_nothing_else():
    answered = Handling(answers=lambda _: None)
    publication = Publication(
        "mail",
        ("mail.example",),
        WITHOUT_ANSWERS,
        listeners=frozenset({"outside"}),
        redirect_listeners=frozenset({"port80"}),
        redirect_rules=REDIRECT_RULES,
    )
    config = PublicationConfig(
        publication, BackendConfig(("http://127.0.0.1:1",)), handlings={"autodiscover-redirect": answered}
    )
    routes = Router("port80", [PublishedApp(config, SimpleNamespace())])
    route = routes.route(head("/Autodiscover/Autodiscover.xml", method="GET"))
    assert (route.rule.name, route.target) == ("autodiscover-redirect", b"")
    assert refused(routes, "/EWS/Exchange.asmx").reason is Reason.UNKNOWN_PATH
    assert refused(routes, f"/Microsoft-Server-ActiveSync?{QUERY}").reason is Reason.UNKNOWN_PATH
    assert refused(routes, "/Autodiscover/Autodiscover.xml").reason is Reason.METHOD_REFUSED


def test_lessons_are_noted_where_asked_for_and_nothing_passes_for_them():
    silent_routes, silent = exchange_router()
    routes, app = exchange_router(learn=True)
    for router_ in (silent_routes, routes):
        assert refused(router_, "/new/thing").reason is Reason.UNKNOWN_PATH
        assert refused(router_, "/EWS/Exchange.asmx?a=b").reason is Reason.QUERY_REFUSED
        assert refused(router_, "/ecp/y.js").reason is Reason.PATH_DENIED
        with pytest.raises(MalformedMessage):
            router_.route(head("/a%zz"))
    assert silent.lessons.kinds == {}
    assert {kind[0] for kind in app.lessons.kinds} == {"unknown-path", "query-refused"}
