"""Envelopes, and who they say they come from."""

import pytest

from handfast.lab.documents import BadDocument
from handfast.lab.soap import SOAP, read_envelope, soap_fault


def envelope(body: str, header: str = "") -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'.encode()


def test_the_operation_is_named_without_its_suffix():
    assert read_envelope(envelope("<GetFolder/>")).operation == "GetFolder"
    assert read_envelope(envelope("<GetUserSettingsRequestMessage/>")).operation == "GetUserSettings"
    assert read_envelope(envelope("<GetUserAvailabilityRequest/>")).operation == "GetUserAvailability"


@pytest.mark.parametrize(
    ("header", "claimed"),
    [
        ("", ""),
        ("<ExchangeImpersonation/>", ""),
        (
            "<ExchangeImpersonation><ConnectingSID><SID>S-1-5</SID></ConnectingSID></ExchangeImpersonation>",
            "S-1-5",
        ),
        ("<ExchangeImpersonation><ConnectingSID/></ExchangeImpersonation>", ""),
        ("<SerializedSecurityContext><UserSid>S-1</UserSid></SerializedSecurityContext>", "S-1"),
        (
            "<SerializedSecurityContext><PrimarySmtpAddress>a@b</PrimarySmtpAddress></SerializedSecurityContext>",
            "a@b",
        ),
    ],
)
def test_whose_name_is_claimed(header, claimed):
    assert read_envelope(envelope("<GetFolder/>", header)).impersonated == claimed


@pytest.mark.parametrize(
    "body", [b"<a/>", envelope(""), envelope("<a/><b/>"), b"<Envelope><Body><a/></Body></Envelope>"]
)
def test_what_is_no_envelope(body):
    with pytest.raises(BadDocument):
        read_envelope(body)


def test_an_envelope_needs_no_header():
    body = f'<s:Envelope xmlns:s="{SOAP}"><s:Body><x/></s:Body></s:Envelope>'.encode()
    assert read_envelope(body).impersonated == ""


def test_a_fault_says_why():
    fault = soap_fault("no <such> thing", code="ErrorSchemaValidation")
    assert fault.status == 500
    assert b"no &lt;such&gt; thing" in fault.body
    assert b"<faultcode>a:ErrorSchemaValidation</faultcode>" in fault.body
