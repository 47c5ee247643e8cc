from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlLimits, parse_xml, serialise_xml

ATTACKS = {
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "laughs": b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>',
    "an external subset": b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>',
    "a document type alone": b"<!DOCTYPE a><a/>",
    "one behind comments": b"<!-- <a> --> <!-- - --><!DOCTYPE a><a/>",
    "one in lower case": b"<!doctype a><a/>",
    "one inside": b"<a><!DOCTYPE a></a>",
    "one behind": b"<a/><!DOCTYPE a>",
    "a stylesheet": b"<?xml-stylesheet href='http://127.0.0.1/'?><a/>",
    "an instruction inside": b"<a><b><?php x?></b></a>",
    "an instruction behind": b"<a/><?x y?>",
    "a second declaration": b"<?xml version='1.0'?><?xml version='1.0'?><a/>",
    "an unknown entity": b"<a>&nbsp;</a>",
    "an unknown entity in an attribute": b"<a b='&x;'/>",
    "a reference to nothing": b"<a>&#0;</a>",
    "a control character": b"<a>\x07</a>",
    "a NUL that hides the rest": b"<a/>\x00<b/>",
    "an unknown prefix": b"<x:a/>",
    "an attribute twice": b"<a b='' b=''/>",
    "an attribute twice by namespace": b"<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>",
    "two elements": b"<a/><b/>",
    "nothing": b"",
    "no end": b"<a><b></a>",
    "text": b"hello",
    "white space before the declaration": b" <?xml version='1.0'?><a/>",
}


@pytest.mark.parametrize("data", ATTACKS.values(), ids=ATTACKS)
def test_what_reaches_beyond_the_document_is_refused(data):
    with pytest.raises(MalformedMessage) as fault:
        parse_xml(data)
    assert fault.value.protocol == "xml"
    assert len(str(fault.value)) < 250


def test_xinclude_is_an_element_like_any_other():
    root = parse_xml(
        b"<a xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='file:///etc/passwd' parse='text'/></a>"
    )
    assert root[0].text is None


def test_comments_are_dropped_and_cdata_is_text():
    root = parse_xml(b"<!-- x --><a>ex<!-- y -->1<![CDATA[.<b>]]>&lt;&#x41;<c/><!-- z --></a><!-- end -->")
    assert root.text == "ex1.<b><A"
    assert [child.tag for child in root] == ["c"]
    assert b"--" not in serialise_xml(root)


def test_cdata_may_say_doctype():
    assert parse_xml(b"<a><![CDATA[<!DOCTYPE x>]]></a>").text == "<!DOCTYPE x>"


def test_a_document_comes_back_in_utf_8():
    root = parse_xml("<?xml version='1.0' encoding='utf-16'?><a b=\"\u20ac\">\u00e4</a>".encode("utf-16"))
    expected = '<?xml version="1.0" encoding="utf-8"?>\n<a b="\u20ac">\u00e4</a>'
    assert serialise_xml(root) == expected.encode()


LIMITS = XmlLimits(max_bytes=2000, max_depth=5, max_elements=20, max_attributes=4, max_namespaces=3)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"<a>" + b"x" * 1993 + b"</a>", b"<a>" + b"x" * 1994 + b"</a>"),
        (b"<a>" * 5 + b"</a>" * 5, b"<a>" * 6 + b"</a>" * 6),
        (b"<a>" + b"<b></b>" * 19 + b"</a>", b"<a>" + b"<b></b>" * 20 + b"</a>"),
        (b"<a b='' c='' d='' e=''/>", b"<a b='' c='' d='' e='' f=''/>"),
        (
            b"<a xmlns='u'><b xmlns='v'/><b xmlns='w'/></a>",
            b"<a xmlns='u'><b xmlns='v'/><b xmlns='w'/><c xmlns=''/></a>",
        ),
    ],
    ids=["bytes", "depth", "elements", "attributes", "namespaces"],
)
def test_each_limit_is_kept(good, bad):
    parse_xml(good, limits=LIMITS)
    with pytest.raises(MalformedMessage, match=r"longer|deeper|more than"):
        parse_xml(bad, limits=LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b"<a>" * 300_000,
        b"<a " + b"x='1' " * 150_000,
        b"<a '" + b"'\"'" * 300_000,
        b"<!--" + b"-" * 1_000_000,
        b"<!-- -->" * 125_000,
        b" " * 1_000_000,
        b"<a b='" + b">" * 1_000_000,
        b"<a>" + b"&lt;" * 250_000,
        b"<a " + b" ".join(b"xmlns:n%d='u'" % i for i in range(50_000)) + b"/>",
        b"<" * 1_000_000,
        b"<a>" + b"]]>" * 300_000,
    ],
    ids=range(11),
)
def test_a_large_document_that_is_none_is_refused_in_its_time(data):
    """A megabyte takes milliseconds; a second is for a machine that has other things to do."""
    began = time.process_time()
    with pytest.raises(MalformedMessage):
        parse_xml(data[: 1024 * 1024])
    assert time.process_time() - began < 1


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_document_or_a_malformed_message(data):
    try:
        root = parse_xml(data)
    except MalformedMessage:
        return
    assert serialise_xml(parse_xml(serialise_xml(root))) == serialise_xml(root)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=20)


@settings(deadline=None)
@given(texts, texts, st.sampled_from(["utf-8", "utf-16"]))
def test_what_is_written_is_read(text, attribute, charset):
    from lxml import etree

    element = etree.Element("a", b=attribute)
    element.text = text
    read = parse_xml(etree.tostring(element, encoding=charset))
    assert (read.text or "", read.get("b")) == (text, attribute)
