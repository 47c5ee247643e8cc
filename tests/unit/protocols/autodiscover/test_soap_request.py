from __future__ import annotations

import pytest

from handfast.protocols.autodiscover.schemas import (
    ACTION_PREFIX,
    ADDRESSING,
    AUTODISCOVER,
    EWS_TYPES,
    SOAP_11,
)
from handfast.protocols.autodiscover.soap_request import MAX_MAILBOXES, SoapRequest, parse_soap_request
from handfast.protocols.errors import MalformedMessage

USER = "<a:User><a:Mailbox>alice@lab.test</a:Mailbox></a:User>"
SETTINGS = "<a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting><a:Setting>UserDN</a:Setting></a:RequestedSettings>"
VERSION = "<a:RequestedServerVersion>Exchange2016</a:RequestedServerVersion>"
ACTION = f"<w:Action>{ACTION_PREFIX}GetUserSettings</w:Action>"
TO = "<w:To>https://mail.lab.test/autodiscover/autodiscover.svc</w:To>"


def envelope(body: str, header: str = VERSION + ACTION + TO) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP_11}" xmlns:a="{AUTODISCOVER}" xmlns:w="{ADDRESSING}" xmlns:t="{EWS_TYPES}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def user_settings(users: str = USER, rest: str = SETTINGS, **more) -> bytes:
    message = f"<a:Request><a:Users>{users}</a:Users>{rest}</a:Request>"
    return envelope(f"<a:GetUserSettingsRequestMessage>{message}</a:GetUserSettingsRequestMessage>", **more)


def domain_settings(domain: str = "LAB.test") -> bytes:
    request = f"<a:Request><a:Domains><a:Domain>{domain}</a:Domain></a:Domains>{SETTINGS}</a:Request>"
    return envelope(
        f"<a:GetDomainSettingsRequestMessage>{request}</a:GetDomainSettingsRequestMessage>", VERSION
    )


def test_settings_of_mailboxes():
    found = parse_soap_request(
        user_settings(), b"text/xml; charset=utf-8", f'"{ACTION_PREFIX}GetUserSettings"'.encode()
    )
    assert found == SoapRequest(
        "GetUserSettings", ("alice@lab.test",), (), ("ExternalEwsUrl", "UserDN"), "Exchange2016"
    )


def test_settings_of_domains():
    found = parse_soap_request(domain_settings())
    assert found == SoapRequest(
        "GetDomainSettings", (), ("lab.test",), ("ExternalEwsUrl", "UserDN"), "Exchange2016"
    )


def test_a_header_may_be_missing_and_a_reply_address_is_passed_over():
    bare = user_settings().replace(b"<s:Header>", b"<!--").replace(b"</s:Header>", b"-->")
    assert parse_soap_request(bare).version == ""
    reply = "<w:ReplyTo><w:Address>http://www.w3.org/2005/08/addressing/anonymous</w:Address></w:ReplyTo>"
    assert parse_soap_request(user_settings(header=reply)).mailboxes == ("alice@lab.test",)


def test_a_version_may_be_asked_for():
    found = parse_soap_request(
        user_settings(rest=SETTINGS + "<a:RequestedVersion>Exchange2013</a:RequestedVersion>")
    )
    assert found.settings


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            user_settings(header="<t:ExchangeImpersonation><t:x/></t:ExchangeImpersonation>"),
            "'ExchangeImpersonation'",
        ),
        (user_settings(header="<t:SerializedSecurityContext/>"), "unknown block"),
        (user_settings(header='<o:Security xmlns:o="urn:wsse"/>'), "unknown block"),
        (user_settings(header=VERSION + VERSION), "twice"),
        (user_settings(header="<w:Action>urn:x</w:Action>"), "does not fit"),
        (user_settings(users=""), "none, or more"),
        (user_settings(users=USER * (MAX_MAILBOXES + 1)), "none, or more"),
        (user_settings(users="<a:Domain>x</a:Domain>"), "unknown element beside"),
        (user_settings(users="<a:User/>"), "not one mail address"),
        (user_settings(users="<a:User><a:Mailbox>a</a:Mailbox></a:User>"), "not one mail address"),
        (
            user_settings(users=USER.replace("</a:Mailbox>", "</a:Mailbox><a:Mailbox>b@x.test</a:Mailbox>")),
            "twice",
        ),
        (user_settings(rest=SETTINGS + SETTINGS), "twice"),
        (
            user_settings(rest="<a:RequestedSettings><a:Other/></a:RequestedSettings>"),
            "unknown element beside",
        ),
        (domain_settings("lab.test/x"), "not one mail address"),
        (envelope("<a:GetFederationInformationRequestMessage/>"), "unknown message"),
        (envelope("<a:GetUserSettingsRequestMessage/>"), "Request: missing"),
        (envelope(""), "not one message"),
        (user_settings().replace(b"s:Body", b"s:Bod"), "unknown element"),
        (f'<s:Envelope xmlns:s="{SOAP_11}"/>'.encode(), "not one message"),
        (
            user_settings().replace(SOAP_11.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
            "not SOAP 1.1",
        ),
        (b"<!DOCTYPE x>" + user_settings(), "document type"),
    ],
)
def test_another_identity_and_what_could_be_read_in_two_ways_is_refused(data, problem):
    with pytest.raises(MalformedMessage, match=problem):
        parse_soap_request(data)


def test_the_field_soapaction_has_to_fit():
    with pytest.raises(MalformedMessage, match="does not fit"):
        parse_soap_request(user_settings(), b"text/xml", b'"urn:GetDomainSettings"')
