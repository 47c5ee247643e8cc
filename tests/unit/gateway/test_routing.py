from types import SimpleNamespace

import pytest

from handfast.decision.publication import ACTIVESYNC_RULES, Publication
from handfast.decision.reasons import Reason
from handfast.gateway.config import BackendConfig, PublicationConfig
from handfast.gateway.published import PublishedApp
from handfast.gateway.refusal import Refusal
from handfast.gateway.routing import Router
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
