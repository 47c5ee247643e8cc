from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.schemas import AUTODISCOVER, SOAP_11
from handfast.protocols.xml.document import parse_xml
from handfast.protocols.xml.tree import local_name
from handfast.rewriting.autodiscover.elements import value_of
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.soap_settings import rewrite_soap

H = "mail.lab.test"
NAMES = PublishedNames(
    "autodiscover.lab.test", H, H, H, H, H, H, mail_domains=frozenset({"lab.test"}), mapping={"ex2": H}
)
SCAN = NameScan(NAMES.hosts, NAMES.mail_domains)
EWS = f"https://{H}/EWS/Exchange.asmx"


def body(inner: str):
    root = parse_xml(f'<s:Body xmlns:s="{SOAP_11}" xmlns="{AUTODISCOVER}">{inner}</s:Body>'.encode())
    rewrite_soap(root, NAMES, SCAN, "alice@lab.test")
    return root


def setting(name: str, value: str) -> str:
    return f"<UserSetting><Name>{name}</Name>{value}</UserSetting>"


def after(*settings: str) -> dict[str, str]:
    """Names and values that are left, the latter as all the text there is."""
    root = body(f"<UserSettings>{''.join(settings)}</UserSettings>")
    return {value_of(s, "Name"): "".join(s.itertext()).removeprefix(value_of(s, "Name")) for s in root[0]}


def text(name: str, value: str) -> str:
    return setting(name, f"<Value>{value}</Value>")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("InternalEwsUrl", "https://ex1/", EWS),
        ("ExternalEwsUrl", "https://ex1/", EWS),
        ("InternalEcpPhotoUrl", "https://ex1/owa/?path=x", f"https://{H}/owa/?path=x"),
        ("ExternalEcpUrl", "https://ex1/ecp/", f"https://{H}/ecp/"),
        ("InternalMailboxServer", "ex1", H),
        ("ExternalMailboxServerRequiresSSL", "False", "True"),
        ("ExternalMailboxServerAuthenticationMethods", "Negotiate", "Basic"),
        ("CasVersion", "15.1.225.42", "15.1.225.42"),
        ("UserDisplayName", "ex1.corp.lab", "alice@lab.test"),
        ("UserDisplayName", "Alice", "Alice"),
        ("InternalServerExclusiveConnect", "On", "On"),
        ("EcpVoicemailUrlFragment", "?path=/options/x", "?path=/options/x"),
        ("FutureSetting", "1", "1"),
        ("ExternalEwsUrl", "", ""),
    ],
)
def test_a_setting_has_its_published_value(name, value, expected):
    assert after(text(name, value)) == {name: expected}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ActiveDirectoryServer", "dc1"),
        ("GroupingInformation", "Site"),
        ("InternalUMUrl", "https://ex1/"),
        ("InternalMailboxServerDN", "/o=x/cn=Configuration/cn=Servers/cn=EX1"),
        ("InternalMailboxDisplayServer", "x"),
        ("InternalFuture", "harmless"),
        ("CasVersion", "10.1.2.3"),
        ("FutureSetting", "ex1.corp.lab"),
        ("ExchangeRpcUrl", "https://ex1/rpc"),
    ],
)
def test_a_setting_that_can_t_be_said_outside_is_left_out(name, value):
    assert after(text(name, value)) == {}


def test_a_setting_of_another_shape_is_left_out():
    assert after(setting("ExternalEwsUrl", "<Value><x/></Value>"), setting("CasVersion", "")) == {}


def test_a_future_list_goes_whole():
    inner = "<Hosts><Host>1</Host><Host>ex1.corp.lab</Host></Hosts>"
    assert after(setting("FutureHosts", inner)) == {}
    assert after(setting("FutureHosts", inner.replace("ex1.corp.lab", "2"))) == {"FutureHosts": "12"}


def clients(*pairs: tuple[str, str]) -> str:
    inner = "".join(
        f"<WebClientUrl><AuthenticationMethods>{methods}</AuthenticationMethods><Url>{url}</Url></WebClientUrl>"
        for methods, url in pairs
    )
    return f"<WebClientUrls>{inner}</WebClientUrls>"


def test_web_clients_become_one_for_each_way_to_sign_in():
    found = after(
        setting(
            "ExternalWebClientUrls",
            clients(
                ("Fba", "https://ex1/owa/"),
                ("Fba", "https://ex2/owa/"),
                ("Ntlm", "https://ex2/owa/"),
                ("x.y", "?"),
            ),
        )
    )
    url = f"https://{H}/owa/"
    assert found == {"ExternalWebClientUrls": f"Fba{url}Ntlm{url}"}


def test_web_clients_that_are_not_published_disappear():
    assert after(setting("InternalWebClientUrls", clients(("Fba", "https://ex1/other/")))) == {}


def test_a_further_mailbox_keeps_a_server_that_is_a_mailbox_s_name():
    guid = "7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f@lab.test"
    boxes = f"<M><Server>{guid}</Server></M><M><Server>ex1</Server><Type>Archive</Type></M>"
    assert after(setting("AlternateMailboxes", boxes)) == {"AlternateMailboxes": f"{guid}Archive"}


def test_internal_says_what_external_says():
    found = after(
        text("InternalServerExclusiveConnect", "On"),
        text("ExternalServerExclusiveConnect", "Off"),
        text("InternalEcpUrl", "https://ex1/ecp/"),
        text("ExternalEcpUrl", "https://ex1/owa/"),
        setting("InternalWebClientUrls", clients(("Ntlm", "https://ex1/owa/"))),
        setting("ExternalWebClientUrls", clients(("Fba", "https://ex1/owa/"))),
    )
    for name, value in found.items():
        assert found[name.replace("Internal", "External")] == value


def test_a_redirect_leads_to_a_published_host():
    root = body(
        "<R><RedirectTarget>https://ex2/x</RedirectTarget></R><R><RedirectTarget>a@lab.test</RedirectTarget></R>"
    )
    assert [value_of(r, "RedirectTarget") for r in root] == [f"https://{H}/x", "a@lab.test"]


def test_settings_of_domains_follow_the_same_rules():
    root = body(
        "<DomainSettings><DomainSetting><Name>ExternalEwsUrl</Name><Value>https://ex1/</Value></DomainSetting></DomainSettings>"
    )
    assert value_of(root[0][0], "Value") == EWS
    assert local_name(root[0][0])[1] == "DomainSetting"
