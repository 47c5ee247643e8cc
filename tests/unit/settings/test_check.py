import pytest

from handfast.settings.check import draft_of, find_problems, find_warnings
from handfast.settings.gateway import GatewaySettings, IdentityLink, ListenerSettings
from handfast.settings.identity import IdentityListen, IdentitySettings
from handfast.settings.model import Settings
from handfast.settings.operations import MetricsSettings
from handfast.settings.publication import BackendSettings, PolicySettings, PublicationSettings


def listener(name="outside", address="192.0.2.1:443", **more):
    return ListenerSettings(name=name, address=address, **{"certificate": "/c", "key": "/k", **more})


def publication(name="eas", hosts=("mail.example.com",), backend=None, **more):
    backend = {"urls": ("https://exchange.lan",), **(backend or {})}
    return PublicationSettings(name=name, hosts=hosts, backend=BackendSettings(**backend), **more)


def settings(**more):
    return Settings(**{"listeners": (listener(),), "publications": (publication(),), **more})


def paths(found):
    return [one.path for one in found]


def problems(**more):
    found = find_problems(draft_of(settings(**more)))
    assert all(one.problem and one.remedy for one in found)
    return paths(found)


def warnings(**more):
    found = find_warnings(draft_of(settings(**more)))
    assert all(one.problem and one.remedy for one in found)
    return paths(found)


def test_good():
    assert problems() == []
    assert warnings() == []


def test_names_are_unique():
    assert problems(listeners=(listener(), listener(address="192.0.2.2:443"))) == ["listener[1].name"]
    assert problems(publications=(publication(), publication(hosts=("b.c",)))) == ["publication[1].name"]
    assert problems(policies=(PolicySettings(), PolicySettings())) == ["policy[1].name"]


@pytest.mark.parametrize(
    ("first", "second", "is_double"),
    [
        ("192.0.2.1:443", "192.0.2.1:443", True),
        ("0.0.0.0:443", "192.0.2.1:443", True),
        ("192.0.2.1:443", "0.0.0.0:443", True),
        ("[::]:443", "0.0.0.0:443", False),
        ("[::1]:443", "[0:0::1]:443", True),
        ("192.0.2.1:443", "192.0.2.1:444", False),
        ("192.0.2.1:0", "192.0.2.1:0", False),
    ],
)
def test_addresses_are_not_doubled(first, second, is_double):
    found = problems(listeners=(listener("a", first), listener("b", second)))
    assert found == (["listener[1].address"] if is_double else [])


def test_addresses_of_metrics_and_identity_count_too():
    assert problems(metrics=MetricsSettings(address="192.0.2.1:443")) == ["metrics.address"]
    listen = IdentityListen(address="0.0.0.0:443", certificate="/c", key="/k", ca_file="/a")
    found = problems(identity=IdentitySettings(listen=listen), metrics=MetricsSettings(address=""))
    assert found == ["identity.listen.address"]


def test_certificate_and_key_go_together():
    assert problems(listeners=(listener(key=None),)) == ["listener[0].key"]
    assert problems(listeners=(listener(certificate=None),)) == ["listener[0].certificate"]


def test_without_tls_only_on_loopback():
    bare = {"certificate": None, "key": None}
    assert problems(listeners=(listener(address="0.0.0.0:80", **bare),)) == ["listener[0].certificate"]
    assert problems(listeners=(listener(address="127.0.0.1:80", **bare),)) == []
    assert problems(listeners=(listener(address="[::1]:80", **bare),)) == []
    more = listener(address="127.0.0.1:80", more_certificates=(("/c", "/k"),), **bare)
    assert problems(listeners=(more,)) == ["listener[0].more_certificates"]


def test_references_exist():
    assert problems(publications=(publication(policy="strict"),)) == ["publication[0].policy"]
    assert problems(policies=(PolicySettings(name="strict"),)) == ["publication[0].policy"]
    assert problems(publications=(publication(listeners=("inside",)),)) == ["publication[0].listeners[0]"]


def test_hosts_are_published_once_a_listener():
    two = (listener("a", "192.0.2.1:443"), listener("b", "192.0.2.1:444"))
    apart = (publication("x", listeners=("a",)), publication("y", listeners=("b",)))
    assert problems(listeners=two, publications=apart) == []
    both = (publication("x"), publication("y", listeners=("b",)))
    assert problems(listeners=two, publications=both) == ["publication[1].hosts[0]"]
    assert problems(publications=(publication(hosts=("a.b", "a.b")),)) == ["publication[0].hosts[1]"]


def test_pins():
    assert problems(publications=(publication(backend={"verify": "pin-sha256"}),)) == [
        "publication[0].backend.pin_sha256"
    ]
    pinned = {"pin_sha256": ("ab" * 32,)}
    assert problems(publications=(publication(backend=pinned),)) == ["publication[0].backend.pin_sha256"]
    assert problems(publications=(publication(backend={"verify": "pin-sha256", **pinned}),)) == []


def test_stored_secrets_are_for_one_machine():
    stored = (publication(backend={"auth": "stored"}),)
    assert problems(publications=stored) == []
    link = IdentityLink(url="https://identity.lan:7443", certificate="/c", key="/k", ca_file="/a")
    assert problems(publications=stored, gateway=GatewaySettings(identity=link)) == [
        "publication[0].backend.auth"
    ]
    listen = IdentityListen(address="192.0.2.9:7443", certificate="/c", key="/k", ca_file="/a")
    assert problems(publications=stored, identity=IdentitySettings(listen=listen)) == [
        "publication[0].backend.auth"
    ]


def test_plain_http_behind_is_a_warning_but_for_this_machine():
    assert warnings(publications=(publication(backend={"urls": ("http://exchange.lan",)}),)) == [
        "publication[0].backend.urls[0]"
    ]
    near = ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:80")
    assert warnings(publications=(publication(backend={"urls": near}),)) == []


def test_ntlm_behind_an_http_proxy():
    proxied = (listener(behind_http_proxy=True),)
    assert warnings(listeners=proxied, publications=(publication(auth=("ntlm",)),)) == ["publication[0].auth"]
    assert warnings(listeners=proxied) == []


def test_odd_timeouts():
    assert warnings(listeners=(listener(head_timeout_seconds=600),)) == ["listener[0].head_timeout_seconds"]
    assert warnings(publications=(publication(backend={"idle_seconds": 120}),)) == [
        "publication[0].backend.idle_seconds"
    ]
    assert warnings(publications=(publication(backend={"answer_timeout_seconds": 60}),)) == [
        "publication[0].backend.answer_timeout_seconds"
    ]


def test_nothing_served():
    assert warnings(publications=(), listeners=()) == ["publication", "listener"]


def test_a_path_is_mapped_once_in_each_direction():
    def mapped(*pairs):
        return publication(path=tuple({"published": one, "path": other} for one, other in pairs))

    assert problems(publications=(mapped(("/ews", "/ext-ews"), ("/oab", "/ext-oab")),)) == []
    twice = mapped(("/ews", "/ext-ews"), ("/EWS", "/other"), ("/oab", "/Ext-Ews"))
    assert problems(publications=(twice,)) == [
        "publication[0].path[1].published",
        "publication[0].path[2].path",
    ]


@pytest.mark.parametrize("path", ["", "/", "ews", "/ews/", "/e ws", "/ews?x", "//ews", "/ews/../x%2f"])
def test_a_mapped_path_is_plain(path):
    with pytest.raises(ValueError, match="not a path that can be mapped"):
        publication(path=({"published": path, "path": "/a"},))


def test_clients_are_told_reachable_names_alone():
    told = {"autodiscover": {"ews_host": "ews.corp.internal", "other_hosts": ("office.example.com",)}}
    assert problems(publications=(publication(kind="exchange", **told),)) == [
        "publication[0].autodiscover.ews_host"
    ]
    told = {"autodiscover": {"ews_host": "office.example.com", "other_hosts": ("office.example.com",)}}
    assert problems(publications=(publication(kind="exchange", **told),)) == []
    mapped = {"autodiscover": {"mapping": {"ex01.corp.internal": "https://elsewhere.example.com/"}}}
    assert problems(publications=(publication(kind="exchange", **mapped),)) == [
        "publication[0].autodiscover.mapping['ex01.corp.internal']"
    ]


def test_phones_are_offered_nothing_that_is_not_taken():
    assert problems(publications=(publication(kind="exchange", auth=("ntlm",)),)) == [
        "publication[0].activesync_auth"
    ]
    assert problems(publications=(publication(auth=("ntlm",)),)) == []
