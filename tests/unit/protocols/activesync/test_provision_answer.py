"""Provision answers: a policy, a wipe, what ends one; and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.provision_answer import (
    PolicyAnswer,
    ProvisionAnswer,
    encode_provision_answer,
    parse_provision_answer,
)
from handfast.protocols.activesync.provision_request import WBXML_POLICY
from handfast.protocols.activesync.remote_wipe import WipeKind
from handfast.protocols.activesync.wbxml import decode, encode
from handfast.protocols.errors import MalformedMessage

HEADER = "03 01 6a 00 00 0e "
RULES = Element("Provision", "EASProvisionDoc", (leaf("Provision", "DevicePasswordEnabled", 1),))


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (ProvisionAnswer(wipe=WipeKind.FULL), "45 4b 03 31 00 01 0c 01"),
        (ProvisionAnswer(wipe=WipeKind.ACCOUNT_ONLY), "45 4b 03 31 00 01 3b 01"),
        (ProvisionAnswer(2, wipe=WipeKind.FULL), "45 4b 03 32 00 01 0c 01"),
        (ProvisionAnswer(), "45 4b 03 31 00 01 01"),
    ],
    ids=["wipe", "account only", "wipe again", "wipe recorded"],
)
def test_wipes(answer, body):
    assert encode_provision_answer(answer) == bytes.fromhex(HEADER + body)
    assert parse_provision_answer(bytes.fromhex(HEADER + body)) == answer


def test_a_policy_in_the_order_of_the_schema():
    answer = ProvisionAnswer(
        policy=PolicyAnswer(WBXML_POLICY, key=1307, document=RULES), device_information_status=1
    )
    document = decode(encode_provision_answer(answer))
    assert [child.name for child in document.children] == ["DeviceInformation", "Status", "Policies"]
    policy = document.first("Policies", "Policy")
    assert [child.name for child in policy.children] == ["PolicyType", "Status", "PolicyKey", "Data"]
    assert parse_provision_answer(encode_provision_answer(answer)) == answer


def test_a_policy_as_text_of_version_2_5_has_no_document():
    data = leaf("Provision", "Data", "<wap-provisioningdoc/>")
    policy = Element(
        "Provision",
        "Policy",
        (leaf("Provision", "PolicyType", "MS-WAP-Provisioning-XML"), leaf("Provision", "Status", 1), data),
    )
    body = encode(
        Element(
            "Provision",
            "Provision",
            (leaf("Provision", "Status", 1), Element("Provision", "Policies", (policy,))),
        )
    )
    assert parse_provision_answer(body).policy == PolicyAnswer("MS-WAP-Provisioning-XML")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (Element("Settings", "Settings"), "another command's answer"),
        (Element("Provision", "Provision"), "Provision: without Status"),
        (Element("Provision", "Provision", (leaf("Provision", "Status", "x"),)), "Status: not a number"),
        (
            Element(
                "Provision",
                "Provision",
                (
                    leaf("Provision", "Status", 1),
                    Element("Provision", "Policies", (Element("Provision", "Policy"),)),
                ),
            ),
            "Policy: without Status",
        ),
        (
            Element(
                "Provision",
                "Provision",
                (
                    leaf("Provision", "Status", 1),
                    Element("Provision", "RemoteWipe"),
                    Element("Provision", "AccountOnlyRemoteWipe"),
                ),
            ),
            "given more than once",
        ),
    ],
)
def test_refused(document, problem):
    with pytest.raises(MalformedMessage, match=problem):
        parse_provision_answer(encode(document))


STATUS = st.integers(0, 65535)
ANSWERS = st.builds(
    ProvisionAnswer,
    STATUS,
    st.none()
    | st.builds(
        PolicyAnswer,
        st.just(WBXML_POLICY),
        STATUS,
        st.none() | st.integers(0, 2**32 - 1),
        st.none() | st.just(RULES),
    ),
    st.none() | st.sampled_from(WipeKind),
    st.none() | STATUS,
)


@given(ANSWERS)
def test_what_is_answered_is_read_again(answer):
    assert parse_provision_answer(encode_provision_answer(answer)) == answer
