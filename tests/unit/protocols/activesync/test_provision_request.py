"""Provision requests: both phases, a wipe acknowledged in each way phones do it, and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.device_information import DeviceInformation
from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.provision_request import (
    WBXML_POLICY,
    PolicyRequest,
    ProvisionRequest,
    encode_provision_request,
    parse_provision_request,
)
from handfast.protocols.activesync.remote_wipe import WipeAcknowledgement, WipeKind
from handfast.protocols.activesync.wbxml import encode
from handfast.protocols.errors import MalformedMessage

HEADER = "03 01 6a 00 00 0e "
POLICY_TYPE = "48 03 " + WBXML_POLICY.encode().hex(" ") + " 00 01 "


def provision(*children: Element) -> bytes:
    return encode(Element("Provision", "Provision", children))


def test_the_first_phase():
    body = bytes.fromhex(HEADER + "45 46 47" + POLICY_TYPE + "01 01 01")
    request = ProvisionRequest(PolicyRequest(WBXML_POLICY))
    assert parse_provision_request(body) == request
    assert encode_provision_request(request) == body


def test_the_second_phase():
    body = bytes.fromhex(
        HEADER + "45 46 47" + POLICY_TYPE + "49 03 31 33 30 37 00 01 4b 03 31 00 01 01 01 01"
    )
    request = ProvisionRequest(PolicyRequest(WBXML_POLICY, 1307, 1))
    assert parse_provision_request(body) == request
    assert encode_provision_request(request) == body


def test_the_first_phase_of_14_1_tells_of_the_device():
    request = ProvisionRequest(
        PolicyRequest(WBXML_POLICY), device_information=DeviceInformation(model="Phone", imei="351")
    )
    assert parse_provision_request(encode_provision_request(request)) == request


def test_the_empty_request_of_a_phone_told_to_wipe():
    body = bytes.fromhex(HEADER + "05")
    assert parse_provision_request(body) == ProvisionRequest()
    assert encode_provision_request(ProvisionRequest()) == body


def test_a_wipe_acknowledged():
    body = bytes.fromhex(HEADER + "45 4c 4b 03 31 00 01 01 01")
    request = ProvisionRequest(wipe=WipeAcknowledgement(WipeKind.FULL, 1))
    assert parse_provision_request(body) == request
    assert encode_provision_request(request) == body


def test_a_wipe_acknowledged_behind_a_policy_without_type():
    """Seen: iOS 5."""
    policy = Element("Provision", "Policy", (leaf("Provision", "Status", 1),))
    wipe = Element("Provision", "RemoteWipe", (leaf("Provision", "Status", 2),))
    body = provision(Element("Provision", "Policies", (policy,)), wipe)
    assert parse_provision_request(body) == ProvisionRequest(
        PolicyRequest(status=1), WipeAcknowledgement(WipeKind.FULL, 2)
    )


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ((leaf("Provision", "PolicyType", "x" * 65),), "PolicyType: longer than 64"),
        ((leaf("Provision", "PolicyKey", 2**32),), "PolicyKey: not a number"),
        ((leaf("Provision", "PolicyKey", "x"),), "PolicyKey: not a number"),
        ((leaf("Provision", "Status", 65536),), "Status: not a number"),
    ],
)
def test_policies_refused(policy, problem):
    body = provision(Element("Provision", "Policies", (Element("Provision", "Policy", policy),)))
    with pytest.raises(MalformedMessage, match=problem):
        parse_provision_request(body)


@pytest.mark.parametrize(
    "document", [Element("Settings", "Settings"), Element("Provision", "Policies"), Element("Ping", "Ping")]
)
def test_another_command_is_refused(document):
    with pytest.raises(MalformedMessage, match="another command's request"):
        parse_provision_request(encode(document))


def test_requests_are_bounded():
    with pytest.raises(MalformedMessage, match="longer than"):
        parse_provision_request(b"\x03\x01\x6a\x00\x00\x0e\x45" + bytes(65536))
    with pytest.raises(MalformedMessage, match="too many elements"):
        parse_provision_request(provision(*[Element("Provision", "Policies")] * 200))


NUMBERS = st.none() | st.integers(0, 65535)
REQUESTS = st.builds(
    ProvisionRequest,
    st.none()
    | st.builds(
        PolicyRequest,
        st.sampled_from(["", WBXML_POLICY, "MS-WAP-Provisioning-XML"]),
        st.none() | st.integers(0, 2**32 - 1),
        NUMBERS,
    ),
    st.none() | st.builds(WipeAcknowledgement, st.sampled_from(WipeKind), st.integers(0, 65535)),
    st.none() | st.builds(DeviceInformation, os=st.sampled_from(["", "iOS 26.1", "Android 16"])),
)


@given(REQUESTS)
def test_what_is_asked_is_read_again(request):
    assert parse_provision_request(encode_provision_request(request)) == request
