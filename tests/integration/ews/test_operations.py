"""What an EWS request asks for, seen from both sides of the gateway: what is on no list never arrives."""

from __future__ import annotations

import asyncio

import pytest

from handfast.app.exchange import build_handlings
from handfast.decision.reasons import Reason
from handfast.decision.rules.exchange import EXCHANGE_RULES
from handfast.settings.publication import PublicationSettings
from tests.fakes.gateway_peers import HOST, Gateway, RawBackend, request_bytes, until
from tests.fakes.transforming import EWS, ExchangeGateway

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
XML = "Content-Type: text/xml; charset=utf-8\r\n"


def message(body: str, header: str = "") -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def subscription(kind: str, more: str = "") -> str:
    return (
        f'<m:Subscribe><m:{kind}><t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds><t:EventTypes>'
        f"<t:EventType>NewMailEvent</t:EventType></t:EventTypes>{more}</m:{kind}></m:Subscribe>"
    )


def configuration(operation: str, data: str) -> str:
    return (
        f'<m:{operation}><m:UserConfiguration><t:UserConfigurationName Name="CategoryList"><t:DistinguishedFolderId'
        f' Id="calendar"/></t:UserConfigurationName>{data}</m:UserConfiguration></m:{operation}>'
    )


async def asked(data: bytes, **told):
    """The answer, what arrived behind, and the record; `told` is `[publication.ews]`."""
    settings = PublicationSettings(
        name="mail", kind="exchange", hosts=(HOST,), backend={"urls": ("https://ex.lan",)}, ews=told
    )
    handlings = build_handlings(settings, EXCHANGE_RULES)
    async with (
        RawBackend() as backend,
        Gateway(backend.url, rules=EXCHANGE_RULES, handlings=handlings) as gateway,
    ):
        client = await gateway.client()
        answer = await client.ask(target=EWS, body=data, extra=XML)
        await until(lambda: bool(gateway.identity.records))
        return answer, backend.heads, gateway.identity.records[0]


PASSES = {
    "a pull subscription": subscription(
        "PullSubscriptionRequest", "<t:Watermark>AAA</t:Watermark><t:Timeout>10</t:Timeout>"
    ),
    "a streaming subscription": subscription("StreamingSubscriptionRequest"),
    "time zones": "<m:GetServerTimeZones/>",
    "free and busy": "<m:GetUserAvailabilityRequest/>",
    "categories": configuration("UpdateUserConfiguration", "<t:XmlData>PGEvPg==</t:XmlData>"),
    "a dictionary": configuration(
        "CreateUserConfiguration",
        "<t:Dictionary><t:DictionaryEntry><t:DictionaryKey><t:Type>String</t:Type><t:Value>a</t:Value></t:DictionaryKey>"
        "<t:DictionaryValue><t:Type>String</t:Type><t:Value>b</t:Value></t:DictionaryValue></t:DictionaryEntry></t:Dictionary>",
    ),
}
HEADERS = (
    '<t:RequestServerVersion Version="Exchange2016"/><t:MailboxCulture>de-DE</t:MailboxCulture><t:TimeZoneContext>'
    '<t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext><t:DateTimePrecision>Milliseconds</t:DateTimePrecision>'
)


@pytest.mark.parametrize("name", PASSES)
async def test_what_clients_ask_for_passes_to_the_byte(name):
    data = message(PASSES[name], HEADERS)
    answer, _, record = await asked(data)
    assert answer.body == b"alice:" + data
    assert (record.reason, record.rule) == (Reason.ALLOWED, "ews")


REFUSED = {
    "a push subscription": (
        subscription(
            "PushSubscriptionRequest",
            "<t:StatusFrequency>1</t:StatusFrequency><t:URL>http://evil.example/</t:URL>",
        ),
        "ews-push-subscription",
        "CVE-2018-8581",
    ),
    "a push subscription behind another": (
        subscription("PullSubscriptionRequest").replace(
            "</m:Subscribe>", "<m:PushSubscriptionRequest/></m:Subscribe>"
        ),
        "ews-push-subscription",
        "with PushSubscriptionRequest",
    ),
    "a push subscription behind the operation": (
        subscription("PullSubscriptionRequest") + subscription("PushSubscriptionRequest"),
        "ews-push-subscription",
        "with PushSubscriptionRequest",
    ),
    "a push subscription by its type": (
        subscription("PullSubscriptionRequest").replace(
            "<m:PullSubscriptionRequest>",
            '<m:PullSubscriptionRequest xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
            ' i:type="t:PushSubscriptionRequestType">',
        ),
        "ews-unlisted-part",
        "xsi:type",
    ),
    "another subscription": (
        subscription("OddSubscriptionRequest"),
        "ews-unlisted-part",
        "OddSubscriptionRequest",
    ),
    "serialised objects": (
        configuration("CreateUserConfiguration", "<t:BinaryData>AAEAAAD/////</t:BinaryData>"),
        "ews-binary-configuration",
        "CVE-2021-42321",
    ),
    "serialised objects, changed": (
        configuration("UpdateUserConfiguration", "<t:BinaryData>AAEAAAD/////</t:BinaryData>"),
        "ews-binary-configuration",
        "CVE-2021-42321",
    ),
    "an add-in": ("<m:InstallApp><m:ManifestUrl/></m:InstallApp>", "ews-install-app", "CVE-2026-45502"),
    "a token": ("<m:GetClientAccessToken/>", "ews-client-access-token", "GetClientAccessToken"),
    "an operation nobody heard of": ("<m:RouteComplaint/>", "ews-unlisted-operation", "RouteComplaint"),
    "one of another namespace": ("<t:GetFolder/>", "ews-unlisted-operation", "another namespace"),
    "one in another case": ("<m:subscribe/>", "ews-unlisted-operation", "subscribe"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_on_no_list_is_refused_by_name_and_never_arrives(name):
    body, rule, told = REFUSED[name]
    answer, heads, record = await asked(message(body))
    assert answer.status == 403
    assert heads == []
    assert (record.reason, record.rule) == (Reason.EWS_REQUEST_REFUSED, rule)
    assert told in record.detail


@pytest.mark.parametrize(
    "block", ["<t:Unheard/>", "<o:RequestServerVersion xmlns:o='urn:o'/>", "<t:ServerVersionInfo/>"]
)
async def test_a_header_that_is_on_no_list_is_refused_by_its_name(block):
    answer, heads, record = await asked(message("<m:GetFolder/>", HEADERS + block))
    assert (answer.status, heads) == (403, [])
    assert (record.reason, record.rule) == (Reason.EWS_REQUEST_REFUSED, "ews-unlisted-header")
    assert f"SOAP header {block.partition(':')[2].split('/')[0].split()[0]}" in record.detail


async def test_the_settings_add_and_take_off():
    told = {"allow_operations": ("GetClientAccessToken",), "deny_operations": ("UpdateInboxRules",)}
    answer, heads, _ = await asked(message("<m:GetClientAccessToken/>"), **told)
    assert (answer.status, len(heads)) == (200, 1)
    answer, heads, record = await asked(message("<m:UpdateInboxRules/>"), **told)
    assert (answer.status, heads, record.rule) == (403, [], "ews-denied-by-settings")
    binary = message(configuration("UpdateUserConfiguration", "<t:BinaryData>AA==</t:BinaryData>"))
    answer, _, _ = await asked(binary, binary_configuration=True)
    assert answer.body == b"alice:" + binary
    answer, _, _ = await asked(
        message("<m:GetFolder/>", "<t:BackgroundLoad/>"), allow_headers=("BackgroundLoad",)
    )
    assert answer.status == 200


async def test_byte_by_byte_a_subscription_waits_for_the_end_of_its_body():
    data = message(PASSES["a pull subscription"])
    end = data.index(b"</s:Body>") + len(b"</s:Body>")
    async with RawBackend() as backend, ExchangeGateway(backend.url) as gateway:
        whole = request_bytes(target=EWS, body=data, extra=XML)
        head_size = len(whole) - len(data)
        client = await gateway.client(before=whole[:head_size])
        await until(lambda: bool(gateway.identity.asked))
        for at in range(end - 1):
            await client.send(data[at : at + 1])
        await asyncio.sleep(0.05)
        assert backend.heads == []
        await client.send(data[end - 1 :])
        assert (await client.read_answer()).body == b"alice:" + data
