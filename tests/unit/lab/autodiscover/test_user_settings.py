"""GetUserSettings: what is asked for comes, what isn't known is said to be so."""

import pytest
from lxml import etree

from handfast.lab.autodiscover.user_settings import NAMESPACE, UserSettings
from handfast.lab.site_names import SiteNames
from handfast.lab.soap import SOAP

A = f"{{{NAMESPACE}}}"


def ask(server, *settings, users=("alice@contoso.lab",)):
    mailboxes = "".join(f"<User><Mailbox>{user}</Mailbox></User>" for user in users)
    names = "".join(f"<Setting>{name}</Setting>" for name in settings)
    body = (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns="{NAMESPACE}"><s:Body><GetUserSettingsRequestMessage><Request><Users>{mailboxes}</Users>'
        f"<RequestedSettings>{names}</RequestedSettings></Request></GetUserSettingsRequestMessage></s:Body></s:Envelope>"
    )
    reply = server.answer(body.encode())
    assert reply.status == 200
    return etree.fromstring(reply.body).findall(f".//{A}UserResponse")


def test_settings_by_name():
    (answer,) = ask(UserSettings(SiteNames()), "InternalEwsUrl", "ExternalEwsUrl", "Nonsense")
    values = {
        node.findtext(f"{A}Name"): node.findtext(f"{A}Value") for node in answer.iter(f"{A}UserSetting")
    }
    assert values == {
        "InternalEwsUrl": "https://ex01.corp.internal/EWS/Exchange.asmx",
        "ExternalEwsUrl": "https://mail.contoso.lab/EWS/Exchange.asmx",
    }
    assert [node.text for node in answer.iter(f"{A}SettingName")] == ["Nonsense"]


def test_collections_carry_their_type():
    (answer,) = ask(
        UserSettings(SiteNames()),
        "InternalWebClientUrls",
        "InternalImap4Connections",
        "ExternalWebClientUrls",
    )
    types = [value for node in answer.iter(f"{A}UserSetting") for value in node.attrib.values()]
    assert types == [
        "WebClientUrlCollectionSetting",
        "ProtocolConnectionCollectionSetting",
        "WebClientUrlCollectionSetting",
    ]
    assert answer.findtext(f".//{A}Hostname") == "ex01.corp.internal"


def test_without_external_urls_there_are_no_external_settings():
    (answer,) = ask(UserSettings(SiteNames(published="")), "InternalEwsUrl", "ExternalEwsUrl")
    assert [node.findtext(f"{A}Name") for node in answer.iter(f"{A}UserSetting")] == ["InternalEwsUrl"]


def test_each_user_has_an_answer_of_their_own():
    answers = ask(
        UserSettings(SiteNames()), "UserDisplayName", users=("bob@contoso.lab", "bob@elsewhere.example")
    )
    assert [answer.findtext(f"{A}ErrorCode") for answer in answers] == ["NoError", "InvalidUser"]


@pytest.mark.parametrize(
    ("kind", "code"), [("redirectAddr", "RedirectAddress"), ("redirectUrl", "RedirectUrl")]
)
def test_everybody_is_sent_on(kind, code):
    server = UserSettings(SiteNames())
    server.redirect = (kind, "elsewhere")
    (answer,) = ask(server, "InternalEwsUrl")
    assert (answer.findtext(f"{A}ErrorCode"), answer.findtext(f"{A}RedirectTarget")) == (code, "elsewhere")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<x/>",
        *(
            f'<s:Envelope xmlns:s="{SOAP}"><s:Body><{name}/></s:Body></s:Envelope>'.encode()
            for name in ("GetDomainSettingsRequestMessage", "GetUserSettingsRequestMessage")
        ),
    ],
)
def test_what_cannot_be_answered_is_a_fault(body):
    assert UserSettings(SiteNames()).answer(body).status == 500
