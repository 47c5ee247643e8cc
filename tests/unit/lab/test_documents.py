"""Reading XML without being led anywhere, and building it."""

import pytest
from lxml import etree

from handfast.lab.documents import BadDocument, builder, children, find, local_name, read_document, text_at


def test_read_by_local_names():
    root = read_document(b'<a:x xmlns:a="urn:1"><!-- no --><b><?pi no?><c> text </c></b></a:x>')
    assert local_name(root) == "x"
    assert text_at(root, "b", "c") == "text"
    assert text_at(root, "b", "missing") == ""
    assert find(root, "missing", "c") is None
    assert [local_name(child) for child in children(root)] == ["b"]
    assert children(None) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"text",
        b"<a>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="unknown-1"?><a/>',
    ],
)
def test_what_is_no_document(body):
    with pytest.raises(BadDocument):
        read_document(body)


def test_builders_share_their_prefixes():
    build = builder("urn:1", {"a": "urn:1"})
    node = build("x", "text", None, build("name", name="positional names may be attributes too"))
    assert etree.tostring(node) == (
        b'<a:x xmlns:a="urn:1">text<a:name name="positional names may be attributes too"/></a:x>'
    )
    assert etree.tostring(builder("", {})("bare")) == b"<bare/>"
