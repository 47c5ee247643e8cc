"""Finding one's way in a body."""

import pytest

from handfast.protocols.activesync.element import UINT32_MAX, Element, leaf
from handfast.protocols.errors import MalformedMessage

TREE = Element(
    "Provision",
    "Provision",
    (
        Element("Provision", "Status", text="1"),
        Element(
            "Provision",
            "Policies",
            (Element("Provision", "Policy"), Element("Provision", "Policy", text="x")),
        ),
    ),
)


def test_first_takes_the_first_child_of_each_name():
    assert TREE.first("Policies", "Policy") == Element("Provision", "Policy")
    assert TREE.first("Policies", "Missing", "Deeper") is None
    assert TREE.first() is TREE


def test_all_and_text():
    assert [child.text for child in TREE.first("Policies").all("Policy")] == [None, "x"]
    assert TREE.text_at("Status") == "1"
    assert TREE.text_at("Policies") == ""
    assert TREE.text_at("Missing") == ""


def test_opaque_content_stays_out_of_the_representation():
    assert "secret" not in repr(Element("ComposeMail", "Mime", opaque=b"secret"))


def test_numbers():
    assert TREE.number_at("Status") == 1
    assert TREE.number_at("Missing") is None
    assert TREE.number_at("Policies") is None
    assert leaf("Provision", "Policy", 0) == Element("Provision", "Policy", text="0")
    holder = Element("Provision", "Policy", (leaf("Provision", "PolicyKey", UINT32_MAX),))
    assert holder.number_at("PolicyKey") == 4294967295
    assert holder.number_at("PolicyKey", largest=UINT32_MAX) == 4294967295


@pytest.mark.parametrize(
    "text", ["-1", "+1", "1 ", "1.0", "0x1", "१", "1" * 11, "1" * 5000, "4294967296", "a"]
)
def test_what_is_no_number(text):
    holder = Element("Provision", "Policy", (Element("Provision", "PolicyKey", text=text),))
    with pytest.raises(MalformedMessage, match="activesync PolicyKey: not a number from 0 to 4294967295"):
        holder.number_at("PolicyKey")


def test_a_number_above_its_own_limit():
    with pytest.raises(MalformedMessage, match="Status: not a number from 0 to 0"):
        TREE.number_at("Status", largest=0)


def test_an_element_may_be_the_number_itself():
    assert leaf("Provision", "Status", 7).number_at() == 7
    with pytest.raises(MalformedMessage, match="activesync Status: not"):
        leaf("Provision", "Status", "x").number_at()
