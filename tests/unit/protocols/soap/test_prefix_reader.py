from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.soap.prefix_reader import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_PREFIX_BYTES,
    MAX_WHOLE_BYTES,
    MAX_WHOLE_ELEMENTS,
    QName,
    SoapPrefixReader,
)

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
BLOCK = f'<t:RequestServerVersion xmlns:t="{TYPES}" Version="Exchange2016"/>'
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
BODY = f'<GetFolder xmlns="{MESSAGES}"/>'


def envelope(header: str = BLOCK, *, start: str = "", between: str = "", ns: str = SOAP11) -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header is not None else ""
    return f'{start}<s:Envelope xmlns:s="{ns}">{head}{between}<s:Body>{BODY}</s:Body></s:Envelope>'.encode()


def read(data: bytes, step: int = 0, charset: bytes = b"utf-8") -> SoapPrefixReader:
    reader = SoapPrefixReader(charset)
    for start in range(0, len(data), step or len(data) or 1):
        reader.feed(data[start : start + (step or len(data))])
    return reader


DECLARED = '<?xml version="1.0" encoding="utf-8"?>\r\n'
GOOD = {
    "SOAP 1.1": envelope(),
    "SOAP 1.2": envelope(ns=SOAP12),
    "declared": envelope(start=DECLARED),
    "declared without a charset": envelope(start='<?xml version="1.0"?>'),
    "byte order mark": b"\xef\xbb\xbf" + envelope(start=DECLARED),
    "comments": envelope(start="<!-- a --> ", between="<!-- <s:Header/> -->"),
    "white space": envelope(start="\n", between="\r\n\t "),
    "text outside ASCII in a block": envelope(f'<x:A xmlns:x="urn:x">grün</x:A>{BLOCK}'),
    "CDATA in a block": envelope(f'<x:A xmlns:x="urn:x"><![CDATA[<b/>]]></x:A>{BLOCK}'),
}


def test_a_header_of_many_steps_is_read_to_its_end():
    names = "".join(f'<x:N{n} xmlns:x="urn:x">{"y" * 100}</x:N{n}>' for n in range(400))
    assert read(envelope(names)).names == {f"N{n}" for n in range(400)}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("step", [0, 1, 7])
def test_the_names_of_all_blocks_are_read_and_the_operation(name, step):
    reader = read(GOOD[name], step)
    assert reader.is_done
    assert "RequestServerVersion" in reader.names
    assert QName(TYPES, "RequestServerVersion") in reader.blocks
    assert "GetFolder" not in reader.names
    assert reader.operation == QName(MESSAGES, "GetFolder")
    assert reader.parts == set()


def test_nothing_after_the_start_of_the_operation_is_read():
    data = envelope()
    begins = data.index(b"/></s:Body>")
    reader = read(data[:begins])
    assert not reader.is_done
    reader.feed(b">")
    assert reader.is_done
    reader.feed(b"<<<< no XML at all \0\xff" * 10_000)
    reader.close()


@pytest.mark.parametrize("garbage", [b"<<<<", b"\xff\xfe", b"</s:Envelope>", b"<!DOCTYPE a>", b"x" * 100_000])
def test_not_even_what_came_in_the_same_piece(garbage):
    data = envelope()
    begins = data.index(b"/></s:Body>")
    assert read(data[:begins] + b">" + garbage).is_done


def test_a_message_without_header_has_no_names():
    reader = read(envelope(header=None))
    assert reader.is_done
    assert reader.names == set()


def test_names_are_found_at_any_depth_and_in_any_namespace():
    inner = '<a:X xmlns:a="urn:a"><b xmlns="urn:b"><a:Deep/></b></a:X><y/>'
    reader = read(envelope(inner))
    assert reader.names == {"X", "b", "Deep", "y"}
    assert reader.blocks == [("urn:a", "X"), ("", "y")]


def body(inside: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP11}"><s:Body>{inside}</s:Body></s:Envelope>'.encode()


SUBSCRIBE = (
    f'<m:Subscribe xmlns:m="{MESSAGES}"><m:Push xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="1"'
    ' type="x"><URL>http://evil.example/</URL><!-- <Hidden/> --></m:Push></m:Subscribe>'
)


def read_whole(data: bytes, step: int = 0) -> SoapPrefixReader:
    reader = SoapPrefixReader(reads_whole={"Subscribe"})
    for start in range(0, len(data), step or len(data)):
        reader.feed(data[start : start + (step or len(data))])
    return reader


@pytest.mark.parametrize("step", [0, 1, 7])
def test_an_operation_that_is_named_is_read_to_the_end_of_its_body(step):
    data = body(SUBSCRIBE + "<m:More xmlns:m='urn:m'/>")
    reader = read_whole(data, step)
    assert reader.is_done
    assert reader.operation == (MESSAGES, "Subscribe")
    assert reader.parts == {"Push", "URL", "More"}
    cut = read_whole(data[: data.index(b"</s:Body>")], step)
    assert not cut.is_done
    with pytest.raises(MalformedMessage, match="ends before its operation does"):
        cut.close()


@pytest.mark.parametrize("at", ["m:Push ", "m:Subscribe "])
def test_who_makes_an_element_one_of_another_type_is_seen(at):
    typed = SUBSCRIBE.replace(
        at, f'{at}xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="PushType" ', 1
    )
    assert "xsi:type" in read_whole(body(typed)).parts


@pytest.mark.parametrize(
    "inside", ["", " ", "<!-- <m:GetFolder/> -->", "text", "text<a/>", "&lt;", "<![CDATA[x]]><a/>"]
)
def test_a_body_asks_for_one_thing_and_begins_with_it(inside):
    with pytest.raises(MalformedMessage, match="Body"):
        read(body(inside))


def test_white_space_and_comments_may_stand_before_the_operation():
    assert read(body(" <!-- x -->\n<a/>")).operation == ("", "a")


def test_what_is_read_whole_is_bounded():
    """Beyond the limit of a beginning, and not beyond its own."""
    large = "<x>" + "y" * MAX_PREFIX_BYTES + "</x>"
    assert read_whole(body(f"<Subscribe>{large}</Subscribe>")).parts == {"x"}
    with pytest.raises(MalformedMessage, match="longer than"):
        read_whole(body("<Subscribe><x>" + "y" * MAX_WHOLE_BYTES + "</x></Subscribe>"))
    many = "<x/>" * (MAX_ELEMENTS + 1)
    assert read_whole(body(f"<Subscribe>{many}</Subscribe>")).is_done
    with pytest.raises(MalformedMessage, match="too many"):
        read_whole(body("<Subscribe>" + "<x/>" * MAX_WHOLE_ELEMENTS + "</Subscribe>"))
    with pytest.raises(MalformedMessage, match="too many"):
        read_whole(body("<Subscribe>" + "<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH + "</Subscribe>"))


def test_an_unfinished_beginning_waits():
    reader = read(envelope()[:40])
    assert not reader.is_done
    with pytest.raises(MalformedMessage, match="asks for nothing"):
        reader.close()


DOCTYPE = '<!DOCTYPE a [<!ENTITY e "x">]>'
BAD = {
    "a document type": envelope(start=DOCTYPE),
    "a document type with an external part": envelope(start='<!DOCTYPE a SYSTEM "file:///etc/passwd">'),
    "an entity nobody declared": envelope("&e;"),
    "a processing instruction before": envelope(start='<?xml-stylesheet href="a"?>'),
    "a processing instruction in the header": envelope("<?x y?>" + BLOCK),
    "XML 1.1": envelope(start='<?xml version="1.1"?>'),
    "declared Latin-1": envelope(start='<?xml version="1.0" encoding="iso-8859-1"?>'),
    "declared UTF-16 that is none": envelope(start='<?xml version="1.0" encoding="utf-16"?>'),
    "declared UTF-7": envelope(start='<?xml version="1.0" encoding="utf-7"?>'),
    "UTF-16": envelope(start='<?xml version="1.0"?>').decode().encode("utf-16"),
    "UTF-16LE without a mark": envelope().decode().encode("utf-16-le"),
    "UTF-16BE without a mark": envelope().decode().encode("utf-16-be"),
    "UTF-32": envelope().decode().encode("utf-32"),
    "no UTF-8": envelope("<x>ABC</x>").replace(b"ABC", b"\xff\xfe"),
    "overlong UTF-8": envelope("<x>ABC</x>").replace(b"ABC", b"\xc0\xbc"),
    "a surrogate in UTF-8": envelope("<x>ABC</x>").replace(b"ABC", b"\xed\xa0\x80"),
    "a NUL": envelope("<x>A</x>").replace(b">A<", b">\0<"),
    "declared US-ASCII and not": envelope(
        "<x>gr\xfcn</x>", start='<?xml version="1.0" encoding="us-ascii"?>'
    ),
    "another root": b"<Envelope/>",
    "an Envelope of another namespace": envelope(ns="urn:x"),
    "a second Header": envelope(between="<s:Header/>"),
    "a Header after another element": envelope(header=None, between="<x/>"),
    "a Header without the namespace": envelope(header=None, between="<Header/>"),
    "a Body of another namespace": envelope(header=None, between='<s:Body xmlns:s="urn:x"/>'),
    "text in the Envelope": envelope(between="x"),
    "text before the Envelope": b"x" + envelope(),
    "a prefix nobody declared": envelope("<u:X/>"),
    "an attribute twice": envelope('<x a="1" a="2"/>'),
    "a wrong end tag": envelope("<x></y>"),
    "two hyphens in a comment": envelope("<!-- a -- b -->"),
    "a raw < in an attribute": envelope('<x a="<"/>'),
    "too deep": envelope("<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH),
    "too many elements": envelope("<x/>" * MAX_ELEMENTS),
    "too many attributes": envelope("<x " + " ".join(f'a{i}=""' for i in range(MAX_ATTRIBUTES + 1)) + "/>"),
    "too long": envelope("<x>" + "y" * MAX_PREFIX_BYTES + "</x>"),
    "begins with other bytes": b"\x1f\x8b" + envelope(),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("step", [0, 1])
def test_what_two_readers_could_understand_differently_is_refused(name, step):
    with pytest.raises(MalformedMessage):
        read(BAD[name], step).close()


def test_a_content_type_of_us_ascii_is_held_to_it():
    data = envelope("<x>grün</x>")
    assert read(data).is_done
    with pytest.raises(MalformedMessage, match="US-ASCII"):
        read(data, charset=b"us-ascii")


def test_the_limit_counts_the_header_not_the_body():
    data = envelope() + b" " * MAX_PREFIX_BYTES * 4
    assert read(data).is_done


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_give_an_answer_or_are_refused(data, step):
    with contextlib.suppress(MalformedMessage):
        read(data, step)


PIECES = [
    "<s:Header>", "</s:Header>", "<s:Body>", "</s:Body>", "<s:Header/>", "<t:ExchangeImpersonation>",
    "</t:ExchangeImpersonation>", "<t:X/>", "<!--", "-->", "<![CDATA[", "]]>", "&lt;", "&#60;", "x", " ", "\n",
    '<t:Y a="', '"/>', "'", '"', "<?p?>", "<", ">", "<Header>", "</Header>", '<a xmlns="', SOAP11,
]  # fmt: skip


def tree_of(data: bytes):
    """How libxml2 reads it; None where that can't: no reader takes it whole then."""
    try:
        return etree.fromstring(data)
    except etree.XMLSyntaxError:
        return None


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.integers(1, 40))
def test_another_reader_finds_no_other_header(pieces, step):
    """What is let through has, for libxml2, no element in its Header that was not seen here."""
    data = (
        f'<s:Envelope xmlns:s="{SOAP11}" xmlns:t="{TYPES}">'
        + "".join(pieces)
        + "<s:Body><t:Op/></s:Body></s:Envelope>"
    ).encode()
    try:
        reader = read(data, step)
    except MalformedMessage:
        return
    root = tree_of(data)
    if root is None or not reader.is_done:
        return
    body = root.find(f"{{{SOAP11}}}Body")
    before = [element for element in root if root.index(element) < root.index(body)]
    seen = {etree.QName(e).localname for header in before for e in header.iter(etree.Element)} - {"Header"}
    assert seen == reader.names
    assert [etree.QName(e).localname for e in before] in ([], ["Header"])
    [*blocks] = [e for header in before for e in header.iterchildren(etree.Element)]
    assert [(etree.QName(e).namespace or "", etree.QName(e).localname) for e in blocks] == reader.blocks


BODY_PIECES = [
    "<Subscribe>", "</Subscribe>", "<t:Push>", "</t:Push>", "<URL/>", "<GetFolder/>", "<!--", "-->", "<![CDATA[", "]]>",
    "x", " ", '<t:Y a="', '"/>', "'", '"', "<", ">", "<s:Body>", "</s:Body>", "<Subscribe", "/>", '<a xmlns="', "&#60;",
]  # fmt: skip


@given(st.lists(st.sampled_from(BODY_PIECES), max_size=14), st.integers(1, 40))
def test_another_reader_finds_no_other_operation_and_no_other_part(pieces, step):
    data = (
        f'<s:Envelope xmlns:s="{SOAP11}" xmlns:t="{TYPES}"><s:Body>'
        + "".join(pieces)
        + "</s:Body></s:Envelope>"
    ).encode()
    try:
        reader = read_whole(data, step)
    except MalformedMessage:
        return
    root = tree_of(data)
    if root is None:
        return
    assert reader.is_done
    first, *others = root.find(f"{{{SOAP11}}}Body").iterchildren(etree.Element)
    assert reader.operation == (etree.QName(first).namespace or "", etree.QName(first).localname)
    if reader.operation.local == "Subscribe":
        elements = [e for top in (first, *others) for e in top.iter(etree.Element)]
        assert reader.parts == {etree.QName(e).localname for e in elements if e is not first}
