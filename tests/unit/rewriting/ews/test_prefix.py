from __future__ import annotations

import time

import pytest

from handfast.decision.reasons import Reason
from handfast.decision.rules.ews import EwsRules, build_ews_rules
from handfast.protocols.http1.head import parse_request_head
from handfast.rewriting.answers import RefusedRequest
from handfast.rewriting.ews.prefix import DEFAULT_RULES, EwsPrefix, begin_prefix

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
GET_FOLDER = "<m:GetFolder><m:FolderIds/></m:GetFolder>"


def head(fields: str = "Content-Type: text/xml; charset=utf-8\r\n"):
    return parse_request_head(f"POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())


def message(header: str, body: str = GET_FOLDER) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"><s:Header>{header}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def said_of(header: str, body: str = GET_FOLDER, rules: EwsRules = DEFAULT_RULES):
    reader = begin_prefix(head(), rules)
    assert isinstance(reader, EwsPrefix)
    return reader.feed([message(header, body)], is_done=True)


DELEGATE = (
    '<m:FindItem><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>boss@example.org</t:EmailAddress>'
    "</t:Mailbox></t:DistinguishedFolderId></m:FindItem>"
)


def test_an_ordinary_request_passes():
    assert said_of('<t:RequestServerVersion Version="Exchange2016"/>') is True


def test_a_delegates_request_names_the_mailbox_in_its_body_and_passes():
    assert said_of("", DELEGATE) is True


def subscribe(kind: str) -> str:
    return f"<m:Subscribe><m:{kind}><t:FolderIds/><t:EventTypes/></m:{kind}></m:Subscribe>"


def test_an_operation_that_is_read_to_its_end_waits_for_it():
    reader = begin_prefix(head())
    data = message("", subscribe("StreamingSubscriptionRequest"))
    end = data.index(b"</s:Body>") + len(b"</s:Body>")
    assert reader.feed([data[: end - 1]], is_done=False) is False
    assert reader.feed([data[end - 1 : end]], is_done=False) is True


@pytest.mark.parametrize(
    ("header", "body", "rule", "what"),
    [
        (
            "",
            subscribe("PushSubscriptionRequest"),
            "ews-push-subscription",
            "Subscribe with PushSubscriptionRequest",
        ),
        ("", "<m:GetClientAccessToken/>", "ews-client-access-token", "EWS operation GetClientAccessToken: "),
        ("", "<m:InstallApp/>", "ews-install-app", "CVE-2026-45502"),
        ("", "<m:Unheard/>", "ews-unlisted-operation", "EWS operation Unheard: "),
        ("<t:Unheard/>", GET_FOLDER, "ews-unlisted-header", "SOAP header Unheard: "),
        ("<t:Unheard/>", "<m:InstallApp/>", "ews-unlisted-header", "SOAP header Unheard: "),
    ],
)
def test_what_is_on_no_list_is_refused_with_its_rule_and_name(header, body, rule, what):
    said = said_of(header, body)
    assert (said.reason, said.rule) == (Reason.EWS_REQUEST_REFUSED, rule)
    assert what in said.detail


def test_the_settings_lists_count():
    rules = build_ews_rules(allow_operations=["GetClientAccessToken"], deny_operations=["GetFolder"])
    assert said_of("", "<m:GetClientAccessToken/>", rules) is True
    assert said_of("", GET_FOLDER, rules).rule == "ews-denied-by-settings"


@pytest.mark.parametrize(
    "header",
    [
        (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>b@x</t:PrimarySmtpAddress></t:ConnectingSID>"
            "</t:ExchangeImpersonation>"
        ),
        f'<ExchangeImpersonation xmlns="{TYPES}"/>',
        '<q:ExchangeImpersonation xmlns:q="urn:other"/>',
        '<t:SerializedSecurityContext s:mustUnderstand="1"/>',
        "<t:ProxySecurityContext>AA==</t:ProxySecurityContext>",
        "<t:X><t:ManagementRole/></t:X>",
    ],
)
def test_who_asks_to_be_somebody_else_is_refused(header):
    said = said_of(header)
    assert isinstance(said, RefusedRequest)
    assert said.reason is Reason.IMPERSONATION_REFUSED


def test_and_told_so_however_the_rest_looks():
    assert said_of("<t:ExchangeImpersonation/>", "").reason is Reason.IMPERSONATION_REFUSED


def test_pieces_are_read_as_they_come():
    reader = begin_prefix(head())
    data = message("<t:ExchangeImpersonation/>")
    cut = data.index(b"</s:Header>")
    assert reader.feed([data[:10], data[10:cut]], is_done=False) is False
    said = reader.feed([data[cut:]], is_done=False)
    assert said.reason is Reason.IMPERSONATION_REFUSED


@pytest.mark.parametrize("data", [b"", b"<s:Envelope", b"no xml", message("<!DOCTYPE a>")])
def test_a_body_that_is_none_is_malformed(data):
    said = begin_prefix(head()).feed([data], is_done=True)
    assert said.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "Content-Type: application/soap+msbin1\r\n",
        "Content-Type: text/xml; charset=utf-16\r\n",
    ],
)
def test_a_head_that_hides_the_body_is_refused_before_any_of_it(fields):
    said = begin_prefix(head(fields))
    assert isinstance(said, RefusedRequest)
    assert (said.reason, said.status) == (Reason.MALFORMED_REQUEST, 415)


def test_a_header_in_the_smallest_chunks_costs_no_more_than_in_one():
    """A start tag is read again from its beginning with each step, so steps must not be as small as a client wants."""
    reader = EwsPrefix(b"utf-8")
    text = f'<s:Envelope xmlns:s="{SOAP}"><s:Header><a b="'.encode() + b"x" * 60_000
    began = time.process_time()
    assert reader.feed([bytes([byte]) for byte in text], is_done=False) is False
    assert time.process_time() - began < 0.3
