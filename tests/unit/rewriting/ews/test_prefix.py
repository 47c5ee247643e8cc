from __future__ import annotations

import time

import pytest

from handfast.decision.reasons import Reason
from handfast.protocols.http1.head import parse_request_head
from handfast.rewriting.answers import RefusedRequest
from handfast.rewriting.ews.prefix import EwsPrefix, begin_prefix

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"


def head(fields: str = "Content-Type: text/xml; charset=utf-8\r\n"):
    return parse_request_head(f"POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())


def message(header: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:t="{TYPES}"><s:Header>{header}</s:Header>'
        "<s:Body><x/></s:Body></s:Envelope>"
    ).encode()


def said_of(header: str):
    reader = begin_prefix(head())
    assert isinstance(reader, EwsPrefix)
    return reader.feed([message(header)], is_done=True)


DELEGATE = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:FindItem xmlns:m="urn:m" xmlns:t="urn:t">'
    b'<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>boss@example.org</t:EmailAddress></t:Mailbox>'
    b"</t:DistinguishedFolderId></m:FindItem></s:Body></s:Envelope>"
)


def test_an_ordinary_request_passes():
    assert said_of('<t:RequestServerVersion Version="Exchange2016"/>') is True


def test_a_delegates_request_names_the_mailbox_in_its_body_and_passes():
    reader = begin_prefix(head())
    assert reader.feed([DELEGATE], is_done=True) is True


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
        "Content-Type: text/xml\r\nContent-Encoding: gzip\r\n",
        "Content-Type: text/xml\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n",
    ],
)
def test_a_head_that_hides_the_body_is_refused_before_any_of_it(fields):
    said = begin_prefix(head(fields))
    assert isinstance(said, RefusedRequest)
    assert said.reason is Reason.MALFORMED_REQUEST


def test_a_header_in_the_smallest_chunks_costs_no_more_than_in_one():
    """A start tag is read again from its beginning with each step, so steps must not be as small as a client wants."""
    reader = EwsPrefix(b"utf-8")
    text = f'<s:Envelope xmlns:s="{SOAP}"><s:Header><a b="'.encode() + b"x" * 60_000
    began = time.process_time()
    assert reader.feed([bytes([byte]) for byte in text], is_done=False) is False
    assert time.process_time() - began < 0.3
