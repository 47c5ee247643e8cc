"""DeviceInformation: the document's example, its limits, and text that would deceive a reader."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.device_information import (
    MAX_REQUEST_BYTES,
    MAX_VALUE_CHARACTERS,
    DeviceInformation,
    device_information_element,
    encode_device_information,
    find_device_information,
    parse_device_information,
)
from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

# Source: MS-ASMS 4.4, whose request this is.
DOCUMENTED = DeviceInformation(
    model="Manufacturer-Name-Number",
    imei="123456789012345",
    friendly_name="My PPC Phone",
    os="PPC",
    os_language="us-EN",
    phone_number="206-555-0112",
    enable_outbound_sms=True,
    mobile_operator="T-Mojo",
)


def request(*values: Element, root: tuple[str, str] = ("Settings", "Settings")) -> bytes:
    told = Element("Settings", "Set", values)
    return encode(Element(*root, (Element("Settings", "DeviceInformation", (told,)),)))


def test_the_documents_example():
    body = request(
        leaf("Settings", "Model", "Manufacturer-Name-Number"),
        leaf("Settings", "IMEI", "123456789012345"),
        leaf("Settings", "FriendlyName", "My PPC Phone"),
        leaf("Settings", "OS", "PPC"),
        leaf("Settings", "OSLanguage", "us-EN"),
        leaf("Settings", "PhoneNumber", "206-555-0112"),
        leaf("Settings", "EnableOutboundSMS", 1),
        leaf("Settings", "MobileOperator", "T-Mojo"),
    )
    assert parse_device_information(body) == DOCUMENTED
    assert parse_device_information(encode_device_information(DOCUMENTED)) == DOCUMENTED


def test_the_bytes_of_a_request():
    body = encode_device_information(DeviceInformation(model="M", user_agent="U", enable_outbound_sms=False))
    assert body.hex(" ") == (
        "03 01 6a 00 00 12 45 56 48 57 03 4d 00 01 60 03 55 00 01 61 03 30 00 01 01 01 01"
    )


def test_a_provision_request_tells_the_same():
    body = request(leaf("Settings", "Model", "M"), root=("Provision", "Provision"))
    assert parse_device_information(body) == DeviceInformation(model="M")


def test_nothing_told():
    assert parse_device_information(encode(Element("Settings", "Settings"))) is None
    assert parse_device_information(request()) == DeviceInformation()
    assert parse_device_information(request(Element("Settings", "Model"))) == DeviceInformation()
    assert find_device_information(Element("Ping", "Ping")) is None


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (" Anna's\tphone\r\n ", "Anna's phone"),
        ("gpj.\u202eexe", "gpj. exe"),
        ("a\u2028b\u0085c\u00a0d", "a b c d"),
        ("\ue000\ufeff", ""),
        ("Zoë 📱", "Zoë 📱"),
    ],
)
def test_what_is_not_printable_becomes_a_space(sent, shown):
    assert parse_device_information(request(leaf("Settings", "FriendlyName", sent))).friendly_name == shown


@pytest.mark.parametrize("tag", ["Model", "IMEI", "FriendlyName", "OS", "UserAgent", "MobileOperator"])
def test_over_long_values_are_refused(tag):
    body = request(leaf("Settings", tag, "x" * (MAX_VALUE_CHARACTERS + 1)))
    with pytest.raises(MalformedMessage, match=f"activesync {tag}: longer than 1024 characters"):
        parse_device_information(body)
    assert parse_device_information(request(leaf("Settings", tag, "x" * MAX_VALUE_CHARACTERS)))


@pytest.mark.parametrize("value", ["2", "true", "-1"])
def test_outbound_sms_is_0_or_1(value):
    with pytest.raises(MalformedMessage, match="EnableOutboundSMS"):
        parse_device_information(request(leaf("Settings", "EnableOutboundSMS", value)))


def test_requests_are_bounded_as_a_whole():
    with pytest.raises(MalformedMessage, match="longer than 65536 bytes"):
        parse_device_information(b"\x03\x01\x6a\x00" + bytes(MAX_REQUEST_BYTES))
    with pytest.raises(MalformedMessage, match="too many elements"):
        parse_device_information(request(*[Element("Settings", "Model")] * 200))
    fullest = DeviceInformation(
        **dict.fromkeys(
            (field.name for field in dataclasses.fields(DeviceInformation)[:-1]), "😀" * MAX_VALUE_CHARACTERS
        )
    )
    assert parse_device_information(encode_device_information(fullest)) == fullest


def test_what_cannot_be_told():
    with pytest.raises(ValueError, match="PhoneNumber is longer"):
        device_information_element(DeviceInformation(phone_number="1" * 1025))


def test_what_names_a_person_keeps_out_of_the_representation():
    assert "123456789012345" not in repr(DOCUMENTED)
    assert "206-555-0112" not in repr(DOCUMENTED)
    assert DOCUMENTED.friendly_name
    assert DOCUMENTED.friendly_name not in repr(DOCUMENTED)


VALUES = st.text(max_size=40).map(
    lambda text: "".join(character if character.isprintable() else "" for character in text).strip()
)


@given(st.builds(DeviceInformation, *[VALUES] * 8, st.none() | st.booleans()))
def test_what_is_told_is_read_again(information):
    assert parse_device_information(encode_device_information(information)) == information
    assert find_device_information(decode(encode_device_information(information))) == information
