import pytest

from handfast.settings.check import draft_of, find_problems, find_warnings
from handfast.settings.directory import DirectorySettings, KerberosSettings
from handfast.settings.gateway import GatewaySettings, IdentityLink, ListenerSettings
from handfast.settings.model import Settings
from handfast.settings.publication import BackendSettings, PublicationSettings

SPN = "HTTP/mail.contoso.lab"
KEYS = KerberosSettings(keytab="/etc/handfast.keytab", principal="svc-handfast@CONTOSO.LAB")
DIRECTORY = DirectorySettings.model_validate(
    {
        "servers": [{"name": "dc1.contoso.lab"}],
        "bind_user": "reader@contoso.lab",
        "bind_password_file": "/etc/reader",
    }
)
FAR = GatewaySettings(
    identity=IdentityLink(url="https://10.0.0.1:7443", certificate="/c", key="/k", ca_file="/ca")
)
OUTSIDE = ListenerSettings(name="outside", address="192.0.2.1:443", certificate="/c", key="/k")
INSIDE = ListenerSettings(
    name="inside", address="10.0.0.2:443", certificate="/c", key="/k", inside=True, max_head_bytes=98304
)


def publication(methods=("basic",), listeners=(), url="https://exchange.lan", **backend):
    backend = {"auth": "kerberos", "spn": SPN, **backend}
    behind = BackendSettings(urls=(url,), **backend)
    return PublicationSettings(
        name="eas",
        hosts=("mail.contoso.lab",),
        auth=methods,
        backend=behind,
        **({"listeners": listeners} if listeners else {}),
    )


def settings(one=None, **more):
    parts = {"listeners": (OUTSIDE, INSIDE), "kerberos": KEYS, "directory": DIRECTORY, **more}
    return Settings(publications=(one or publication(),), **parts)


def problems(*args, **more):
    found = find_problems(draft_of(settings(*args, **more)))
    assert all(one.problem and one.remedy for one in found)
    return [one.path for one in found]


def warnings(*args, **more):
    found = find_warnings(draft_of(settings(*args, **more)))
    assert all(one.problem and one.remedy for one in found)
    return [one.path for one in found]


def test_good():
    for one in (publication(), publication(("basic", "kerberos")), publication(ticket_per="request")):
        assert (problems(one), warnings(one)) == ([], [])


@pytest.mark.parametrize(
    ("backend", "path"),
    [({"spn": ""}, "publication[0].backend.spn"), ({"auth": "header"}, "publication[0].backend.spn")],
)
def test_a_service_principal_name_goes_with_kerberos(backend, path):
    assert problems(publication(**backend)) == [path]


def test_identity_needs_its_keys():
    assert problems(kerberos=KerberosSettings()) == ["kerberos.keytab", "kerberos.principal"]
    front = PublicationSettings(
        name="eas",
        hosts=("mail.contoso.lab",),
        auth=("kerberos",),
        backend=BackendSettings(urls=("https://exchange.lan",), auth="header"),
    )
    assert problems(front, kerberos=KerberosSettings()) == ["kerberos.keytab"]
    assert problems(front, kerberos=KerberosSettings(keytab="/k")) == []


def test_a_gateway_without_identity_has_no_keys_and_needs_none():
    for spn in (SPN, ""):
        assert problems(publication(spn=spn), gateway=FAR, kerberos=KerberosSettings()) == []
    assert warnings(gateway=FAR, kerberos=KerberosSettings(), directory=DirectorySettings()) == []
    assert problems(gateway=FAR) == ["kerberos.keytab"]


def test_kerberos_in_front_is_for_inside():
    one = publication(("basic", "kerberos"), ("outside",))
    assert problems(one) == ["publication[0].auth"]
    assert problems(publication(("basic", "kerberos")), listeners=(OUTSIDE,)) == ["publication[0].auth"]
    assert problems(publication(("basic", "kerberos")), listeners=()) == [], (
        "identity alone, apart from its gateways"
    )


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"max_head_bytes": 32768}, "listener[1].max_head_bytes"),
        ({"behind_http_proxy": True}, "listener[1].behind_http_proxy"),
    ],
)
def test_what_a_listener_lacks_for_tickets_is_said(change, path):
    listeners = (OUTSIDE, INSIDE.model_copy(update=change))
    assert warnings(publication(("basic", "kerberos")), listeners=listeners) == [path]
    assert warnings(publication(), listeners=listeners) == []


def test_without_tls_behind_and_without_a_directory_is_warned_about():
    assert warnings(publication(url="http://127.0.0.1:8080")) == ["publication[0].backend.urls[0]"]
    assert warnings(directory=DirectorySettings()) == ["publication[0].backend.auth"]
