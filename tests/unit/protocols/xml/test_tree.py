from __future__ import annotations

import pytest

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import parse_xml, serialise_xml
from handfast.protocols.xml.tree import (
    attributes_of,
    build_element,
    has_loose_text,
    local_name,
    only_children,
    text_of,
)


def test_a_name_has_a_namespace_or_none():
    root = parse_xml(b"<a><b xmlns='u'/></a>")
    assert local_name(root) == ("", "a")
    assert local_name(root[0]) == ("u", "b")


def test_text_is_that_of_a_leaf():
    root = parse_xml(b"<a>\n <b> x </b><c/></a>")
    assert text_of(root[0]) == "x"
    assert text_of(root[1]) == ""
    with pytest.raises(MalformedMessage, match="a: has elements"):
        text_of(root)


def test_children_are_known_and_single():
    root = parse_xml(b"<a xmlns='u'> <b/> <c/> </a>")
    assert set(only_children(root, "u", frozenset("bcd"))) == {"b", "c"}
    for names, problem in ((frozenset("b"), "unknown element 'c'"), (frozenset("bc"), "twice")):
        document = b"<a xmlns='u'><b/><c/>" + (b"<c/>" if problem == "twice" else b"") + b"</a>"
        with pytest.raises(MalformedMessage, match=problem):
            only_children(parse_xml(document), "u", names)
    with pytest.raises(MalformedMessage, match="unknown element"):
        only_children(root, "v", frozenset("bc"))
    with pytest.raises(MalformedMessage, match="text among"):
        only_children(parse_xml(b"<a xmlns='u'><b/>x</a>"), "u", frozenset("b"))


def test_text_among_elements_is_loose():
    assert has_loose_text(parse_xml(b"<a>x<b/></a>"))
    assert has_loose_text(parse_xml(b"<a><b/>x</a>"))
    assert not has_loose_text(parse_xml(b"<a> <b/>\n</a>"))
    assert not has_loose_text(parse_xml(b"<a>x</a>"))


def test_a_built_element_has_its_namespace_as_the_default():
    inner = build_element("u", "b", text="x<")
    assert serialise_xml(build_element("u", "a", inner)).endswith(b'<a xmlns="u"><b>x&lt;</b></a>')


def test_attributes_carry_their_namespaces():
    assert attributes_of(parse_xml(b"<a b='1' x:c='2' xmlns:x='u'/>")) == [("b", "1"), ("{u}c", "2")]
