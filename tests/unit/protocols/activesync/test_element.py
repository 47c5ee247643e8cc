"""Finding one's way in a body."""

from handfast.protocols.activesync.element import Element

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
